import { spawnSync } from 'node:child_process';
import test from 'ava';
import { findTool, runTool } from '../../../src/cli/demo/tool.js';

test('programs of the system are found, and missing ones are listed', t => {
  t.regex(findTool('sh') ?? '', /^\/.*\/sh$/);
  t.is(findTool('no-such-program-anywhere'), undefined);
});

test("npm's own folders are not searched: another nft may be in them", t => {
  const where = new URL('../../../src/cli/demo/tool.js', import.meta.url).href;
  const program = `console.log((await import(${JSON.stringify(where)})).TOOL_PATH)`;
  const env = { ...process.env, PATH: '/a/node_modules/.bin:/b/node_modules/.bin:/c' };
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8' });
  t.is(stdout.trim(), '/c:/usr/local/sbin:/usr/sbin:/sbin');
});

test('runs a program with input, and gives its output or its complaint', async t => {
  t.is(await runTool(['cat'], 'text'), 'text');
  await t.throwsAsync(runTool(['sh', '-c', 'echo no good >&2; exit 3']), { message: 'no good' });
  await t.throwsAsync(runTool(['sh', '-c', 'exit 3']), { message: 'sh ended with 3' });
  // EACCES where the path has a directory that the user may not read
  const missing = await t.throwsAsync<NodeJS.ErrnoException>(runTool(['no-such-program-anywhere']));
  t.regex(missing.code ?? '', /^(?:ENOENT|EACCES)$/);
});
