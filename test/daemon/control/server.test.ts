import { getEventListeners, once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CtflowError } from '../../../src/common/errors.js';
import { Mistakes } from '../../../src/config/mistakes.js';
import { ask, askFirst } from '../../../src/daemon/control/client.js';
import { type ControlRequest, MOST_REQUEST, parseReply, requestLine } from '../../../src/daemon/control/protocol.js';
import { type ControlHandlers, ControlServer } from '../../../src/daemon/control/server.js';
import { defaultSocket, socketsToTry } from '../../../src/daemon/control/socket-path.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { temporaryPath } from '../../helpers/temporary.js';

const PATIENCE = 60_000;
const HANDLERS: ControlHandlers = {
  status: () => ({ runs: true }),
  'templates-resend': () => [],
  'record-dump': () => ({}),
  reload: () => ({}),
  top: () => ({}),
  pressure: () => ({}),
  flush: ({ destination }: ControlRequest) => [{ destination, due: 1 }],
};

async function open(
  t: ExecutionContext,
  path = join(temporaryPath(t, 'run'), 'control.sock'),
  handlers: Partial<ControlHandlers> = {},
  times: { idleTimeout?: number; signInterval?: number } = {},
): Promise<ControlServer> {
  const server = await ControlServer.open({
    path,
    handlers: { ...HANDLERS, ...handlers },
    log: listeningLogger().log,
    ...times,
  });
  let open = true;
  t.teardown(() => (open ? server.close() : undefined));
  const close = server.close.bind(server);
  server.close = () => {
    open = false;
    return close();
  };
  return server;
}

async function dial(path: string): Promise<{ socket: Socket; lines: () => Promise<string[]> }> {
  const socket = connect({ path, allowHalfOpen: true });
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('utf8').on('data', chunk => (text += chunk));
  socket.on('error', () => {});
  return {
    socket,
    lines: async () => {
      if (!socket.closed && !socket.readableEnded) await once(socket, 'end').catch(() => {});
      return text.split('\n').slice(0, -1);
    },
  };
}

test('a request has its reply; only this user and root may connect, and nothing is left at the end', async t => {
  const { path, ...server } = await open(t).then(server => ({ path: server.path, close: () => server.close() }));
  t.deepEqual(await ask(path, { command: 'status' }, PATIENCE), { runs: true });
  t.deepEqual(await ask(path, { command: 'flush', destination: 'main' }, PATIENCE), [{ destination: 'main', due: 1 }]);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.is(statSync(dirname(path)).mode & 0o777, 0o700);
  await server.close();
  t.false(existsSync(path));
});

test('one connection may ask several times, also with its end closed', async t => {
  const { path } = await open(t);
  const { socket, lines } = await dial(path);
  socket.end(requestLine({ command: 'status' }) + requestLine({ command: 'flush', destination: 'x' }));
  t.deepEqual(
    (await lines()).map(line => parseReply(line)),
    [{ result: { runs: true } }, { result: [{ destination: 'x', due: 1 }] }],
  );
});

test('a second daemon at the path is refused', async t => {
  const { path } = await open(t);
  const error = await t.throwsAsync<CtflowError>(open(t, path));
  t.is(error?.code, 'CTFLOW_CONTROL');
  t.regex(error!.message, /Another ctflow run has the control socket/);
  t.deepEqual(await ask(path, { command: 'status' }, PATIENCE), { runs: true }, 'the first one is as it was');
});

/** A socket that nobody listens at: a killed daemon has left it. */
async function staleSocket(t: ExecutionContext): Promise<string> {
  const path = temporaryPath(t, 'control.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('there'))`;
  const killed = spawn(process.execPath, ['-e', script]);
  await once(killed.stdout, 'data');
  killed.kill('SIGKILL');
  await once(killed, 'close');
  t.true(existsSync(path));
  return path;
}

test('what a killed daemon has left is no hindrance', async t => {
  const path = await staleSocket(t);
  await open(t, path);
  t.deepEqual(await ask(path, { command: 'status' }, PATIENCE), { runs: true });
});

test('what a killed daemon has left hides no other daemon, and the error names each place that was tried', async t => {
  const stale = await staleSocket(t);
  const none = temporaryPath(t, 'none.sock');
  const { path } = await open(t);
  t.deepEqual(await askFirst([none, stale, path], { command: 'status' }, PATIENCE), { runs: true });
  const { code, message } = (await t.throwsAsync<CtflowError>(
    askFirst([stale, none], { command: 'status' }, PATIENCE),
  ))!;
  t.is(code, 'CTFLOW_CONTROL');
  t.is(message, `No ctflow run answers at ${stale} (ECONNREFUSED) or ${none} (ENOENT)`);
});

test('a daemon that answers with an error is the one that was meant', async t => {
  const errors = ['one', 'two'].map(what => new CtflowError('CTFLOW_CONFIG', what, 'Mend it'));
  const first = await open(t, undefined, { reload: () => Promise.reject(new Mistakes(errors)) });
  const second = await open(t);
  const error = await t.throwsAsync<Mistakes>(askFirst([first.path, second.path], { command: 'reload' }, PATIENCE));
  t.is(error?.errors?.length, 2);
});

test('a file that is no socket stays, and the socket is refused', async t => {
  const path = temporaryPath(t, 'control.sock');
  writeFileSync(path, 'mine');
  const error = await t.throwsAsync<CtflowError>(open(t, path));
  t.regex(error!.message, /what is there is no socket/);
  t.is(statSync(path).size, 4);
});

test('a folder that others may write to is refused', async t => {
  const folder = temporaryPath(t, 'run');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  const error = await t.throwsAsync<CtflowError>(open(t, join(folder, 'control.sock')));
  t.is(error?.code, 'CTFLOW_CONTROL');
  t.regex(error!.message, /other users may write to/);
});

test('a path that no socket can have is refused', async t => {
  const error = await t.throwsAsync<CtflowError>(open(t, temporaryPath(t, 'x'.repeat(108))));
  t.regex(error!.message, /more than 107 octets/);
});

test('what is no request is answered with an error, and the connection goes on', async t => {
  const { path } = await open(t);
  const { socket, lines } = await dial(path);
  socket.end(
    'status\n{"version":2,"command":"status"}\n{"version":1,"command":"halt"}\n' + requestLine({ command: 'status' }),
  );
  const replies = (await lines()).map(line => parseReply(line));
  const messages = replies.map(reply => ('errors' in reply ? reply.errors[0].message : 'none'));
  t.deepEqual(messages, [
    'The request is no line of JSON',
    'The request has version 2, and 1 is known here',
    "There is no command 'halt'",
    'none',
  ]);
});

test('a request without an end is cut off', async t => {
  const { path } = await open(t);
  const { socket, lines } = await dial(path);
  socket.write('x'.repeat(MOST_REQUEST));
  const [reply] = (await lines()).map(line => parseReply(line));
  t.true('errors' in reply && reply.errors[0].message.includes(`more than ${MOST_REQUEST} octets`));
});

test('a client that says nothing is closed', async t => {
  const { path } = await open(t, undefined, {}, { idleTimeout: 20 });
  const { socket } = await dial(path);
  await Promise.race([once(socket, 'close'), once(socket, 'end')]);
  t.pass();
});

test('no more than sixteen clients are served', async t => {
  const { path } = await open(t);
  const clients = [];
  for (let i = 0; i < 16; i++) clients.push(await dial(path));
  // all have been accepted once the last is answered
  clients[15].socket.write(requestLine({ command: 'status' }));
  await once(clients[15].socket, 'data');
  const error = await t.throwsAsync<CtflowError>(ask(path, { command: 'status' }, PATIENCE));
  t.is(error?.code, 'CTFLOW_CONTROL');
  t.regex(error!.message, /16 commands are connected/);
  for (const { socket } of clients) socket.destroy();
});

test('errors of the daemon come with their code and what to do, several together', async t => {
  const one = new CtflowError('CTFLOW_USAGE', 'There is none', 'Give another');
  const two = new CtflowError('CTFLOW_CONFIG', 'file:1:1: wrong', 'Mend it');
  const { path } = await open(t, undefined, {
    flush: () => {
      throw one;
    },
    status: () => Promise.reject(new Mistakes([one, two])),
    'templates-resend': () => {
      throw new TypeError('inside');
    },
  });
  const { code, message, hint } = (await t.throwsAsync<CtflowError>(ask(path, { command: 'flush' }, PATIENCE)))!;
  t.deepEqual([code, message, hint], ['CTFLOW_USAGE', 'There is none', 'Give another']);
  const several = await t.throwsAsync<Mistakes>(ask(path, { command: 'status' }, PATIENCE));
  t.deepEqual(
    several!.errors.map(error => error.code),
    ['CTFLOW_USAGE', 'CTFLOW_CONFIG'],
  );
  const inside = await t.throwsAsync<CtflowError>(ask(path, { command: 'templates-resend' }, PATIENCE));
  t.is(inside?.code, 'CTFLOW_CONTROL');
});

test('where no daemon is, and where one does not answer, the error says so', async t => {
  const path = temporaryPath(t, 'control.sock');
  const none = await t.throwsAsync<CtflowError>(ask(path, { command: 'status' }, PATIENCE));
  t.is(none?.code, 'CTFLOW_CONTROL');
  t.regex(none!.message, /No ctflow run answers at .*ENOENT/);
  const silent = createServer(() => {}).listen(path);
  await once(silent, 'listening');
  const late = await t.throwsAsync<CtflowError>(ask(path, { command: 'status' }, 20));
  t.is(late?.code, 'CTFLOW_CONTROL');
  t.regex(late!.message, /ctflow run at .*control\.sock has said nothing for 0\.02 s/);
  silent.close();
  rmSync(path, { force: true });
});

test('a command that takes long gives signs of life, and its client waits for it however little patience it has', async t => {
  const patience = 1_000;
  const flush = (): Promise<unknown> => sleep(3 * patience).then(() => [{ destination: 'main', due: 1 }]);
  const { path } = await open(t, undefined, { flush }, { signInterval: 100 });
  t.deepEqual(await ask(path, { command: 'flush' }, patience), [{ destination: 'main', due: 1 }]);
  const { socket, lines } = await dial(path);
  socket.end(requestLine({ command: 'flush' }));
  const [reply, ...more] = await lines();
  t.regex(reply, /^ +\{/, 'spaces, which JSON takes in front');
  t.deepEqual(parseReply(reply), { result: [{ destination: 'main', due: 1 }] });
  t.deepEqual(more, []);
});

test('a client that was held up itself takes the answer that came meanwhile', async t => {
  const path = temporaryPath(t, 'control.sock');
  // listening, asked, answered
  const flags = new Int32Array(new SharedArrayBuffer(12));
  const server = new Worker(
    `const { workerData: { path, flags } } = require('node:worker_threads');
    const raise = i => { Atomics.store(flags, i, 1); Atomics.notify(flags, i); };
    require('node:net').createServer(socket => socket.on('error', () => {}).once('data', () => {
      raise(1);
      setTimeout(() => socket.write('{"version":1,"result":{"runs":true}}\\n', () => raise(2)), 100);
    })).listen(path, () => raise(0));`,
    { eval: true, workerData: { path, flags } },
  );
  t.teardown(() => server.terminate());
  const patience = 2_000;
  await eventually('it listens', () => flags[0] === 1);
  const answer = ask(path, { command: 'status' }, patience);
  await eventually('it is asked', () => flags[1] === 1);
  // timers that are over come next, before what has arrived
  await new Promise(resolve => setImmediate(resolve));
  Atomics.wait(flags, 2, 0);
  Atomics.wait(flags, 2, 1, patience);
  t.deepEqual(await answer, { runs: true });
});

test('a daemon that has been stopped for long, so that its queue is full, is not taken for none', async t => {
  const path = temporaryPath(t, 'control.sock');
  const listen = `require('node:net').createServer().listen({ path: '${path}', backlog: 1 }, () => console.log('listens'))`;
  const daemon = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => daemon.kill('SIGKILL'));
  await once(daemon.stdout, 'data');
  daemon.kill('SIGSTOP');
  const errors = await Promise.all(
    Array.from({ length: 8 }, () => t.throwsAsync<CtflowError>(ask(path, { command: 'status' }, 1_000))),
  );
  t.deepEqual(new Set(errors.map(error => error?.code)), new Set(['CTFLOW_CONTROL']));
  t.deepEqual(
    new Set(errors.map(error => /has (said nothing|stopped taking connections)/.exec(error!.message)?.[1])),
    new Set(['said nothing', 'stopped taking connections']),
  );
});

test('the socket is in the runtime directory that systemd gives, of root, or of the user', t => {
  t.is(defaultSocket({ uid: 0, env: { RUNTIME_DIRECTORY: '/run/a:/run/b' } }), '/run/a/control.sock');
  t.is(defaultSocket({ uid: 0, env: {} }), '/run/ctflow/control.sock');
  t.is(defaultSocket({ uid: 7, env: { XDG_RUNTIME_DIR: '/run/user/7' } }), '/run/user/7/ctflow/control.sock');
  t.is(defaultSocket({ uid: 7, env: {} }), undefined);
  t.deepEqual(socketsToTry({ uid: 7, env: { XDG_RUNTIME_DIR: '/run/user/7' } }), [
    '/run/user/7/ctflow/control.sock',
    '/run/ctflow/control.sock',
  ]);
  t.deepEqual(socketsToTry({ uid: 0, env: {} }), ['/run/ctflow/control.sock']);
});

test('who asks again and again with one signal leaves nothing on it, and gives up when it is aborted', async t => {
  const path = join(temporaryPath(t, 'run'), 'control.sock');
  await open(t, path, { top: () => new Promise(() => {}) });
  const closing = new AbortController();
  const { signal } = closing;
  for (let i = 0; i < 3; i++) await ask(path, { command: 'status' }, PATIENCE, signal);
  // a turn later, as connect() would add its own
  await new Promise(resolve => setImmediate(resolve));
  t.is(getEventListeners(signal, 'abort').length, 0);
  const unanswered = ask(path, { command: 'top' }, PATIENCE, signal);
  closing.abort();
  await t.throwsAsync(unanswered, { code: 'CTFLOW_CONTROL' });
  await t.throwsAsync(ask(path, { command: 'status' }, PATIENCE, signal), { code: 'CTFLOW_CONTROL' });
});
