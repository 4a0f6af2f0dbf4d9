import { chmodSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { spawn } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import type { DaemonStatus } from '../../../src/daemon/control/status.js';
import { COMMANDS } from '../../../src/daemon/control/protocol.js';
import { type ControlHandlers, ControlServer } from '../../../src/daemon/control/server.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { CTFLOW, ctflow, spawnCtflow } from '../../helpers/kernel/cli.js';
import { needs, PATH } from '../../helpers/kernel/require.js';
import { temporaryFolder, temporaryPath } from '../../helpers/temporary.js';

/** The socket of a daemon that answers each question with a later status. */
async function daemon(t: ExecutionContext): Promise<ControlServer> {
  let asked = 0;
  const status = (): DaemonStatus => ({
    version: '1.0.0',
    state: 'running',
    pid: ++asked,
    node: 'v22.0.0',
    startedAt: '2026-01-01T00:00:00.000Z',
    uptime: 1_000,
    destinations: [],
  });
  const server = await ControlServer.open({
    path: temporaryPath(t, 'control.sock'),
    handlers: {
      ...(Object.fromEntries(COMMANDS.map(command => [command, () => []])) as never as ControlHandlers),
      status,
    },
    log: listeningLogger().log,
  });
  t.teardown(() => server.close());
  return server;
}

for (const [flags, expected] of [
  [
    [],
    [
      '',
      'ctflow 1.0.0: running, for 1 s (pid 1)',
      'settings     no file',
      '',
      'ctflow 1.0.0: running, for 1 s (pid 2)',
    ],
  ],
  [['--json'], [/"pid":1,/, /"pid":2,/]],
] as const) {
  const what = ['status', '--watch', ...flags].join(' ');
  test(`${what} shows one status after another, and ends without an error when it is stopped`, async t => {
    const { path } = await daemon(t);
    const watching = spawnCtflow(['status', '--watch', ...flags, '--control', path]);
    t.teardown(() => watching.kill('SIGKILL'));
    let [stdout, stderr] = ['', ''];
    watching.stdout.on('data', chunk => (stdout += chunk));
    watching.stderr.on('data', chunk => (stderr += chunk));
    await eventually('the second one', () => /pid\W+2\b/.test(stdout));
    watching.kill('SIGTERM');
    t.deepEqual(await once(watching, 'close'), [0, null], stderr);
    const lines = stdout.split('\n');
    for (const [i, line] of expected.entries())
      if (typeof line === 'string') t.is(lines[i], line);
      else t.regex(lines[i], line);
    t.false(stdout.includes('\u001b'), 'this is no terminal');
  });
}

test('status --watch ends with an error where the daemon is gone', async t => {
  const server = await daemon(t);
  const watching = spawnCtflow(['status', '--watch', '--control', server.path]);
  t.teardown(() => watching.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  watching.stdout.on('data', chunk => (stdout += chunk));
  watching.stderr.on('data', chunk => (stderr += chunk));
  await eventually('the first one', () => stdout.includes('pid 1'));
  await server.close();
  t.deepEqual(await once(watching, 'close'), [1, null]);
  t.regex(stderr, /CTFLOW_CONTROL: No ctflow run answers at /);
});

// root may write to everything, by a capability
const AS_USER = process.getuid!() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-all'] : ['env'];

/** Runs Node as a user like any other. */
async function asUser(...args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const [program, ...flags] = AS_USER;
  const child = spawn(program, [...flags, process.execPath, ...args], { env: { PATH } });
  let stderr = '';
  child.stderr.on('data', chunk => (stderr += chunk));
  child.stdout.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

needs(test, ['linux', 'setpriv'])('a user that may not write to the control socket is told who may', async t => {
  const { path } = await daemon(t);
  chmodSync(path, 0o444);
  const { code, stderr } = await asUser(CTFLOW, 'status', '--control', path);
  t.is(code, 1, stderr);
  t.regex(
    stderr,
    /CTFLOW_PERMISSION: This user may not use the control socket .*control\.sock\. Run as root, or as the user that runs ctflow \(uid \d+\)/,
  );
});

needs(test, ['linux', 'setpriv'])(
  'a socket in a folder that this user may not look into is tried: who forgot sudo is told so, and where else was looked',
  async t => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0);
    t.teardown(() => chmodSync(folder, 0o700));
    const none = temporaryPath(t, 'none.sock');
    const hidden = `${folder}/control.sock`;
    const client = new URL('../../../src/daemon/control/client.js', import.meta.url).href;
    const places = JSON.stringify([none, hidden]);
    const script = `import { askFirst } from '${client}';
      await askFirst(${places}, { command: 'status' }).catch(({ code, message }) => console.error(code, message));`;
    const { stderr } = await asUser('--input-type=module', '-e', script);
    t.is(
      stderr,
      `CTFLOW_PERMISSION This user may not use the control socket ${hidden}, and none answers at ${none} (ENOENT)\n`,
    );
  },
);

for (const command of [['status'], ['flush'], ['reload'], ['templates', 'resend'], ['record', 'dump']])
  test(`ctflow ${command.join(' ')} gives up where a daemon has stopped reading its socket`, async t => {
    const path = temporaryPath(t, 'control.sock');
    const stopped = createServer(() => {}).listen(path);
    await once(stopped, 'listening');
    t.teardown(() => stopped.close());
    const { code, stderr } = await ctflow([...command, '--control', path]);
    t.is(code, 1);
    t.regex(stderr, /CTFLOW_CONTROL: ctflow run at .*control\.sock has said nothing for 5 s\. It is stopped \(SIGSTOP/);
  });
