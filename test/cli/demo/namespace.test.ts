import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { namespaceCommand } from '../../../src/cli/demo/namespace.js';
import { runTool } from '../../../src/cli/demo/tool.js';
import { needs } from '../../helpers/kernel/require.js';

const NAMESPACE = new URL('../../../src/cli/demo/namespace.js', import.meta.url).href;
const PROGRAM = `
import { namespaceCommand } from ${JSON.stringify(NAMESPACE)};
const said = await namespaceCommand().then(way => way.join(' '), error => error.code + ': ' + error.message);
console.log(said);
`;

const NETWORK = new URL('../../../src/cli/demo/traffic/network.js', import.meta.url).href;
const FURNISH = `
import { readFileSync } from 'node:fs';
import { furnish } from ${JSON.stringify(NETWORK)};
await furnish();
process.stdout.write(readFileSync('/proc/net/nf_conntrack'));
`;

/** What a process with this search path says. */
function ask(path: string): string {
  const env = { ...process.env, PATH: path };
  return spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], { env, encoding: 'utf8' }).stdout.trim();
}

test('missing tools are named', t => {
  const system = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
  const missing = ['unshare', 'perl'].filter(name => !system.some(folder => existsSync(join(folder, name))));
  const expected =
    process.platform !== 'linux'
      ? 'need Linux'
      : missing.length > 0
        ? `needs ${missing.join(' and ')}, not`
        : 'unshare';
  t.regex(ask('/nowhere'), new RegExp(expected));
});

needs(test, ['demo'])('a program runs in a network namespace of its own, and can read procfs there', async t => {
  const way = await namespaceCommand();
  const link = ['readlink', '/proc/self/ns/net'];
  t.not(await runTool([...way, ...link]), await runTool(link));
  const devices = await runTool([...way, 'cat', '/proc/net/dev']);
  t.deepEqual(
    [...devices.matchAll(/^ *(\w+):/gm)].map(([, name]) => name).filter(name => name === 'lo'),
    ['lo'],
  );
  t.is(await runTool([...way, process.execPath, '--input-type=module', '-e', FURNISH]), '');
});
