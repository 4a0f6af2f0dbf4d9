import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { connect } from 'node:net';
import { HttpServer, type Routes, text } from '../../src/daemon/http-server.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

const ROUTES: Routes = {
  '/well': () => text(200, 'all is well\n'),
  '/broken': () => {
    throw new Error('the reason');
  },
};

async function open(t: ExecutionContext, host = '127.0.0.1'): Promise<{ url: string; lines: object[] }> {
  const { log, lines } = listeningLogger();
  const server = await HttpServer.open({ host, port: 0 }, ROUTES, log);
  t.teardown(() => server.close());
  return { url: server.url, lines };
}

/** What comes back for these bytes until the server closes. */
async function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  socket.write(bytes);
  let answer = '';
  socket.on('data', chunk => (answer += String(chunk)));
  await new Promise(resolve => socket.once('close', resolve));
  return answer;
}

test('GET and HEAD of a known path are answered, other methods and paths refused', async t => {
  const { url } = await open(t);
  const got = await fetch(`${url}/well?a=b`);
  t.is(got.status, 200);
  t.is(got.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(await got.text(), 'all is well\n');
  const head = await fetch(`${url}/well`, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers.get('content-length'), '12');
  const posted = await fetch(`${url}/well`, { method: 'POST', body: 'x'.repeat(100_000) });
  t.is(posted.status, 405);
  t.is(posted.headers.get('allow'), 'GET, HEAD');
  for (const path of ['/', '/well/', '/constructor', '/%77ell']) t.is((await fetch(url + path)).status, 404, path);
});

test('a route that fails is a 500, and the log has the reason', async t => {
  const { url, lines } = await open(t);
  const answer = await fetch(`${url}/broken`);
  t.is(answer.status, 500);
  t.notRegex(await answer.text(), /the reason/);
  t.regex(JSON.stringify(lines), /\/broken was not answered: .*the reason/);
});

test('IPv6 is listened on, and its URL has brackets', async t => {
  const { url } = await open(t, '::1');
  t.regex(url, /^http:\/\/\[::1\]:\d+$/);
  t.is((await fetch(`${url}/well`)).status, 200);
});

test('an address that is taken, or is not of this host, is an error that says what to do', async t => {
  const { url } = await open(t);
  const { log } = listeningLogger();
  const port = Number(new URL(url).port);
  const taken = await t.throwsAsync(HttpServer.open({ host: '127.0.0.1', port }, ROUTES, log), {
    code: 'CTFLOW_ADDRESS',
    message: `Metrics cannot be served at 127.0.0.1:${port} (EADDRINUSE)`,
  });
  t.regex((taken as Error & { hint: string }).hint, /another port/);
  await t.throwsAsync(HttpServer.open({ host: '192.0.2.1', port: 0 }, ROUTES, log), {
    code: 'CTFLOW_ADDRESS',
    message: /EADDRNOTAVAIL/,
  });
});

test('what is not HTTP, or has a head that is too long, is closed', async t => {
  const { url } = await open(t);
  t.is(await raw(url, 'hello\r\n\r\n'), '');
  t.is(await raw(url, `GET /well HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`), '');
  t.is((await fetch(`${url}/well`)).status, 200, 'others are answered on');
});

test('a request that does not come to its end is closed', async t => {
  const { url } = await open(t);
  t.is(await raw(url, 'GET /well HTTP/1.1\r\nhost:'), '');
});

test('beyond 32 connections new ones are closed, and there is room again when some have gone', async t => {
  const { url } = await open(t);
  const { hostname, port } = new URL(url);
  const silent = await Promise.all(
    Array.from({ length: 32 }, async () => {
      const socket = connect(Number(port), hostname).on('error', () => {});
      await once(socket, 'connect');
      return socket;
    }),
  );
  t.is(await raw(url, 'GET /well HTTP/1.1\r\nhost: a\r\n\r\n'), '');
  for (const socket of silent) socket.destroy();
  let status = 0;
  while (status !== 200)
    status = await fetch(`${url}/well`).then(
      answer => answer.status,
      () => 0,
    );
  t.pass();
});
