// `npm run test:node -- 22 24 26 [FILE...]` runs the tests on these versions of Node, which npm has as packages.
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { root, run, say, stop } from './terminal.mjs';

const args = process.argv.slice(2);
const versions = args.filter(arg => /^\d+(\.\d+)*$/.test(arg));
const files = args.filter(arg => !versions.includes(arg));
if (versions.length === 0) stop('Name versions of Node: npm run test:node -- 22 24 26');

let failed = 0;
for (const version of versions) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, 'build/node', version);
  const install = ['npm', 'install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${version}`];
  const { ok } = await run(`installing Node ${version}`, install);
  if (!ok) stop(`npm has no Node ${version} for ${name}`);
  const bin = join(folder, 'node_modules', name, 'bin');
  const started = spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' });
  if (started.status !== 0) stop(`Node ${version} does not start: ${whyNot(started)}`);
  say(`the tests on Node ${version}`);
  const { status } = spawnSync(join(bin, 'node'), ['scripts/test.mjs', '--no-cargo', ...files], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) },
  });
  if (status !== 0) failed++;
}
process.exitCode = failed > 0 ? 1 : 0;

function whyNot({ error, stderr }) {
  const [library] = /\blibatomic\.so\.1\b/.exec(stderr ?? '') ?? [];
  if (library) return `it wants ${library}, which is not installed: apt-get install libatomic1`;
  return error?.message ?? stderr.trim();
}
