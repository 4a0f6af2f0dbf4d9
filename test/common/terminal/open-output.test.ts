import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { LineSink } from '../../../src/common/terminal/line-sink.js';
import { openOutput } from '../../../src/common/terminal/open-output.js';
import { eventually } from '../../helpers/eventually.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

const PROGRAM = fileURLToPath(new URL('talkative.js', import.meta.url));
const LINES = 30_000;
const STOP = '\x13';
const GO = '\x11';

interface Reader {
  readonly child: ChildProcess;
  /** Begins to read; what was read then stands in `text`. */
  read(): void;
  readonly text: () => string;
}

/** Start PROGRAM with a reader on its standard error that stands still. */
const READERS: Readonly<Record<string, (t: ExecutionContext, args: string[]) => Reader>> = {
  pipe(t, args) {
    const path = temporaryPath(t, 'fifo');
    spawnSync('mkfifo', [path]);
    // open in both directions, so that no end waits for the other
    const fd = openSync(path, constants.O_RDWR);
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', fd] });
    closeSync(fd);
    const end = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    t.teardown(() => closeSync(end));
    let text = '';
    const read = (): void => {
      const buffer = Buffer.alloc(1 << 16);
      const timer = setInterval(() => {
        try {
          for (let got = 1; got > 0;) text += buffer.toString('latin1', 0, (got = readSync(end, buffer)));
        } catch {
          // nothing there now
        }
      }, 10);
      t.teardown(() => clearInterval(timer));
    };
    return { child, read, text: () => text };
  },
  // what Node makes for a child is a pair of sockets, as journald's is
  socket(_, args) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    return { child, read: () => child.stderr!.on('data', chunk => (text += chunk)), text: () => text };
  },
  terminal(t, args) {
    const command = [process.execPath, ...args].map(word => `'${word}'`).join(' ');
    const child = spawn('script', ['-qfec', `exec ${command}`, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
    t.teardown(() => child.kill('SIGKILL'));
    child.stdin!.write(STOP);
    let text = '';
    child.stdout!.on('data', chunk => (text += chunk));
    return { child, read: () => child.stdin!.write(GO), text: () => text };
  },
};

for (const [kind, start] of Object.entries(READERS)) {
  const needed = ['linux', ...(kind === 'terminal' ? ['script'] : kind === 'pipe' ? ['mkfifo'] : [])];

  needs(test, needed)(
    `a reader of a ${kind} that stands still: the process goes on, and ends when it is to`,
    async t => {
      const report = temporaryPath(t, 'report');
      const { child } = start(t, [PROGRAM, report, String(LINES)]);
      const [pid, dropped] = await reported(report);
      t.true(dropped > 0);
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/2`, 'utf8'))![1];
      t.is(parseInt(flags, 8) & constants.O_NONBLOCK, 0, 'the flags of the inherited descriptor are as they were');
      process.kill(pid, 'SIGTERM');
      const [code] = (await once(child, 'exit')) as [number | null];
      t.is(code, 5);
    },
  );

  needs(test, needed)(`a reader of a ${kind} that reads again gets what had room, and how much had none`, async t => {
    const report = temporaryPath(t, 'report');
    const { child, read, text } = start(t, [PROGRAM, report, String(LINES)]);
    const [pid, dropped] = await reported(report);
    read();
    await eventually('the number', () => text().includes(`dropped ${dropped}`));
    const lines = [...text().matchAll(/^line (\d+) x{90}\r?$/gm)].map(([, number]) => Number(number));
    t.is(lines.length + dropped, LINES);
    t.deepEqual(
      lines,
      Array.from(lines, (_, i) => i),
    );
    process.kill(pid, 'SIGTERM');
    await once(child, 'exit');
  });
}

async function reported(path: string): Promise<[pid: number, dropped: number]> {
  const text = await eventually('a report', () => (existsSync(path) && readFileSync(path, 'utf8')) || false);
  return text.split(' ').map(Number) as [number, number];
}

needs(test, ['linux'])('where the output cannot be written, lines are counted, and it is tried again', async t => {
  let path = '/dev/full';
  const files: number[] = [];
  t.teardown(() => files.forEach(closeSync));
  const sink = new LineSink(() => {
    files.push(openSync(path, 'w'));
    return openOutput(files.at(-1)!);
  });
  const said: number[] = [];
  sink.onRoom = dropped => said.push(dropped);
  sink.write('lost\n');
  await eventually('the failure', () => sink.dropped === 1);
  path = temporaryPath(t, 'log');
  writeFileSync(path, '');
  await eventually('the next', () => {
    sink.write('kept\n');
    return readFileSync(path, 'utf8') === 'kept\n';
  });
  t.deepEqual(said, [sink.dropped]);
  await sink.close(1000);
  sink.write('late\n');
  t.is(readFileSync(path, 'utf8'), 'kept\n');
});
