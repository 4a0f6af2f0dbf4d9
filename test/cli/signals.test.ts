import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { RECORDING, spawnCtflow } from '../helpers/kernel/cli.js';
import { eventually } from '../helpers/eventually.js';
import { needs } from '../helpers/kernel/require.js';

// takes everything, so that a run that ends in order is a success
const receiver = createSocket('udp4').on('message', () => {});
receiver.bind(0, '127.0.0.1');
await once(receiver, 'listening');
receiver.unref();
const TO = `udp://127.0.0.1:${receiver.address().port}`;
const RUN = ['run', '--collector', TO, '--source', `replay:${RECORDING}`, '--flow-poll-interval', '1h'];
const COLLECT = ['collect', '--listen', 'udp://127.0.0.1:0'];

class Command {
  stderr = '';
  readonly child;
  readonly closed: Promise<unknown[]>;

  constructor(t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawnCtflow(args, env);
    t.teardown(() => this.child.kill('SIGKILL'));
    this.child.stderr.on('data', chunk => (this.stderr += chunk));
    this.child.stdout.resume();
    this.closed = once(this.child, 'close');
  }

  says(what: RegExp): Promise<unknown> {
    return eventually(String(what), () => what.test(this.stderr));
  }
}

const HARMLESS = ['SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGIO', 'SIGPWR', 'SIGXCPU', 'SIGXFSZ'] as const;
const COMMANDS = [
  { args: RUN, runs: /ctflow runs/, reload: /settings are read again/, report: /"destinations":.*"msg":"statistics"/ },
  { args: COLLECT, runs: /ctflow: listening on/, reload: /nothing to reload/, report: /^ctflow: 0 messages/m },
];

for (const { args, runs, reload, report } of COMMANDS) {
  needs(test, ['linux'])(`${args[0]}: no signal does harm, SIGUSR1 says how things stand`, async t => {
    const command = new Command(t, args);
    await command.says(runs);
    for (const fd of [1, 2]) {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${command.child.pid}/fdinfo/${fd}`, 'utf8'))![1];
      t.is(parseInt(flags, 8) & constants.O_NONBLOCK, 0, 'shared descriptors keep their flags');
    }
    for (const signal of HARMLESS) command.child.kill(signal);
    command.child.kill('SIGHUP');
    await command.says(reload);
    command.child.kill('SIGUSR1');
    await command.says(report);
    command.child.kill('SIGTERM');
    t.deepEqual(await command.closed, [0, null]);
  });
}

test('run: a second SIGINT ends it at once, with a last line', async t => {
  // a collector that takes everything and never closes
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const command = new Command(t, [...RUN, '--collector', `tcp://127.0.0.1:${port}`]);
  await command.says(/ctflow runs/);
  command.child.kill('SIGINT');
  await command.says(/stopping/);
  command.child.kill('SIGINT');
  t.deepEqual(await command.closed, [null, 'SIGINT']);
  t.regex(command.stderr.trimEnd().split('\n').at(-1)!, /SIGINT again: ended at once/);
});

// what holds it back stands before all commands: the moments are tried with one, and the others some
for (const { args, delays } of [
  { args: RUN, delays: [0, 15, 30, 45, 60, 90, 120, 200] },
  { args: COLLECT, delays: [40, 100] },
  { args: ['dump', '--source', `replay:${RECORDING}`], delays: [40, 100] },
]) {
  needs(test, ['linux'])(`${args[0]}: SIGUSR1 opens no debugger, however soon it comes`, async t => {
    for (const delay of delays) {
      const command = new Command(t, args);
      await sleep(delay);
      command.child.kill('SIGUSR1');
      if (args[0] !== 'dump') {
        await Promise.race([command.says(/ctflow runs|ctflow: listening on/), command.closed]);
        if (command.child.signalCode === null) {
          await eventually('no debugger', () => listening(command.child.pid!).length === 0);
          command.child.kill('SIGUSR1');
          await command.says(/"statistics"|0 messages/);
          // on a busy machine the debugger of the first signal may come as late as this, and is closed again
          await eventually('no debugger', () => listening(command.child.pid!).length === 0);
          command.child.kill('SIGTERM');
        }
      }
      const [code, signal] = await command.closed;
      // in its first milliseconds the program is not even Node yet
      if (signal !== 'SIGUSR1') t.is(code, 0, `${delay} ms: ${command.stderr}`);
    }
  });
}

test('an error that nobody expected is the last line, and exit code 1', async t => {
  const thrower = "process.on('SIGWINCH', () => { throw new Error('unexpected') })";
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}` };
  const read = new Command(t, COLLECT, env);
  await read.says(/ctflow: listening on/);
  read.child.kill('SIGWINCH');
  t.deepEqual(await read.closed, [1, null]);
  t.regex(read.stderr, /^ctflow: Error: unexpected$/m);
});

/** Inodes of the TCP sockets on which a process listens. */
function listening(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  const sockets = new Set(links);
  const rows = ['tcp', 'tcp6'].flatMap(name => readFileSync(`/proc/${pid}/net/${name}`, 'latin1').split('\n').slice(1));
  const LISTEN = '0A';
  return rows
    .map(row => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTEN && sockets.has(`socket:[${inode}]`))
    .map(([, local]) => local);
}
