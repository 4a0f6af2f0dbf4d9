import { once } from 'node:events';
import test from 'ava';
import { eventually } from '../../helpers/eventually.js';
import { anyCollector, CTFLOW, ctflow, RECORDING, spawnCtflow } from '../../helpers/kernel/cli.js';
import { needs } from '../../helpers/kernel/require.js';
import { Tmux } from '../../helpers/kernel/tmux.js';
import { temporaryPath } from '../../helpers/temporary.js';

/** The command line, as a shell reads it. */
function line(...args: string[]): string {
  return [process.execPath, CTFLOW, ...args].map(arg => `'${arg}'`).join(' ');
}

needs(test, ['linux', 'tmux'])(
  'the screen of a recording, its keys, another size, and the shell as it was',
  async t => {
    const command = line('top', '--source', `replay:${RECORDING}`, '--interval', '200ms');
    const tmux = new Tmux(t, 80, 24, `echo before; ${command}; echo code $?`);
    const first = await tmux.sees(/^20 connections/m);
    t.regex(first[0], /^ctflow top +a recording +\d\d:\d\d:\d\d$/);
    t.regex(first[4], /^proto +source +destination +state +bytesv/);
    t.regex(first[5], /^tcp/);
    t.regex(first[23], /^bytes packets rate .* quit$/);
    t.false(first.join('\n').includes('before'), 'it is another screen');
    tmux.type('s');
    await tmux.sees(/sort state/);
    tmux.type('g');
    await tmux.sees(/^source +connections/m);
    tmux.type('/');
    tmux.type('protocol == udp');
    tmux.type('Enter');
    await tmux.sees(/20 connections +\d match the filter/);
    tmux.run('resize-window', '-x', '200', '-y', '50');
    await eventually('the keys at the bottom', () => tmux.lines[49]?.startsWith('bytes packets'));
    tmux.type('q');
    const after = await tmux.sees(/code 0/);
    t.true(after.join('\n').includes('before'));
    t.false(after.join('\n').includes('connections'));
    tmux.type('stty -a', 'Enter');
    await tmux.sees(/ icanon[^]* echo /);
  },
);

needs(test, ['linux', 'tmux'])('a daemon is asked over its socket, also after it went away and came back', async t => {
  const control = temporaryPath(t, 'control.sock');
  const collector = await anyCollector();
  const args = [
    'run',
    '--config',
    'none',
    '--collector',
    collector,
    '--source',
    `replay:${RECORDING}`,
    '--control',
    control,
  ];
  const start = async (): Promise<ReturnType<typeof spawnCtflow>> => {
    const run = spawnCtflow([...args, '--flow-poll-interval', '1h']);
    t.teardown(() => run.kill('SIGKILL'));
    let log = '';
    run.stderr.on('data', chunk => (log += chunk));
    run.stdout.resume();
    await eventually('it runs', () => log.includes('ctflow runs'));
    return run;
  };
  const run = await start();
  const tmux = new Tmux(t, 80, 24, `${line('top', '--control', control, '--interval', '200ms')}; echo code $?`);
  t.regex((await tmux.sees(/\d+ connections/))[0], new RegExp(`ctflow run \\d+\\.\\d+\\.\\d+ \\(pid ${run.pid}\\)`));
  tmux.type('d');
  await tmux.sees(/no denied packets are received/);
  run.kill('SIGTERM');
  await once(run, 'close');
  await tmux.sees(/CTFLOW_CONTROL: No ctflow run answers/);
  await start();
  await eventually('pages again', () => !tmux.lines.join('\n').includes('CTFLOW_CONTROL'));
  // ended by a signal, the terminal is as before
  process.kill(tmux.child, 'SIGTERM');
  t.false((await tmux.sees(/code 0/)).join('\n').includes('connections'));
});

test('without a terminal it is refused, with what to use instead', async t => {
  const { code, stdout, stderr } = await ctflow(['top']);
  t.is(code, 2);
  t.is(stdout, '');
  t.is(
    stderr,
    'ctflow: CTFLOW_USAGE: ctflow top needs a terminal, and standard output is none. ' +
      'Use ctflow dump for the connections, ctflow status --json for counts\n',
  );
});
