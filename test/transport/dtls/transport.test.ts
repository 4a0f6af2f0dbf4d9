import test, { type ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, connect as connectTls, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { CtflowError } from '../../../src/common/errors.js';
import { meaningOf } from '../../../src/destination/failure-meaning.js';
import {
  CHECKED,
  DtlsTransport,
  UNANSWERED,
  type DtlsOptions,
  type DtlsTimes,
} from '../../../src/transport/dtls/transport.js';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import { backends } from '../../helpers/backends.js';
import { eventually } from '../../helpers/eventually.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { messages, TransportLog } from '../../helpers/fakes/transport-log.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import type { Certificate } from '../../helpers/tls/authority.js';
import { certificates } from '../../helpers/tls/certificates.js';
import { changeFiles } from '../../helpers/tls/changing-files.js';
import { DtlsRelay } from '../../helpers/tls/dtls-relay.js';
import { NumberedMessages, numbersIn } from '../../helpers/tls/numbered-messages.js';
import { OpensslServer } from '../../helpers/tls/openssl-server.js';
import { wantsCertificate, WRONG_COLLECTORS, WRONG_EXPORTERS } from '../../helpers/tls/wrong-certificates.js';

const backend = backends().find(({ name }) => name === 'native');
// the fallback alone has none of it
const rigged = backend ? needs(test, ['openssl']) : () => {};
const binutils = backend ? needs(test, ['nm']) : () => {};

const DTLS = ['-dtls1_2', '-timeout'];

type To = Partial<DtlsOptions> & { host?: string; times?: Partial<DtlsTimes>; trouble?: (error: CtflowError) => void };

function transportTo(t: ExecutionContext, port: number, to: To = {}): DtlsTransport {
  const { host = QUIET_HOST, times, trouble = t.fail as () => void, ...options } = to;
  const transport = new DtlsTransport(
    { protocol: 'dtls', host, port },
    {
      mtu: 512,
      reconnectInterval: 60_000,
      handshakeInterval: 3_600_000,
      tlsCa: certificates().ours.tlsCa,
      ...options,
    },
    { createContext: backend!.createDtlsContext, connect: backend!.connectDatagram, trouble },
    times,
  );
  t.teardown(() => transport.close(0));
  return transport;
}

/** @returns the transport, what it said, and its first event */
async function attempt(t: ExecutionContext, port: number, to?: To): Promise<[DtlsTransport, TransportLog, string]> {
  const transport = transportTo(t, port, to);
  const log = new TransportLog();
  await transport.open(log);
  return [transport, log, await log.nth(1)];
}

function listen(t: ExecutionContext, at = QUIET_HOST, certificate?: Certificate, ...flags: string[]) {
  return OpensslServer.listen(t, at, certificate ?? certificates().collector, ...DTLS, ...flags);
}

rigged(
  'openssl takes records over DTLS 1.2 with a client certificate, and the largest messages fit a packet',
  async t => {
    const server = await listen(t, QUIET_HOST, undefined, ...wantsCertificate());
    const relay = await DtlsRelay.open(t, QUIET_HOST, server.port);
    const [transport, log, first] = await attempt(t, relay.port, certificates().exporter);
    t.is(first, 'opened');
    const { validTo } = new X509Certificate(readFileSync(certificates().collector.tlsCertificate));
    t.is(transport.collectorExpires, Date.parse(validTo));
    t.true(transport.limit <= transport.largest);
    const before = relay.sizes['to-collector'].length;
    transport.send(...messages(3, transport.limit, 5));
    await eventually('the last message', () => server.output.includes(Buffer.alloc(transport.limit, 3)));
    t.true(server.output.includes(Buffer.alloc(transport.limit, 1)));
    t.like(transport.counts, { records: 15, messages: 3, octets: 3 * transport.limit, errors: {} });
    t.is(log.records, 15);
    t.deepEqual(relay.sizes['to-collector'].slice(before), [484, 484, 484], 'with the headers of IP and UDP 512');
    t.true(Math.max(...relay.sizes['to-collector']) <= 484, 'the handshake too');
    await transport.close(10_000);
    t.is(transport.counts.uncertainRecords, 0, 'openssl has answered the end');
  },
);

rigged('messages are as large as the path carries, or a record of DTLS', async t => {
  const server = await listen(t);
  const [path] = await attempt(t, server.port, { mtu: 'path' });
  t.is(path.limit, 9_000 - 28 - 37);
  await path.close(10_000);
  const [large, , first] = await attempt(t, server.port, { mtu: 65_535 });
  t.is(first, 'opened');
  t.is(large.limit, 16_384);
  large.send(...messages(1, 16_384, 1));
  await eventually('the message', () => server.output.includes(Buffer.alloc(16_384, 1)));
});

rigged('openssl wants a client certificate and there is none', async t => {
  const server = await listen(t, QUIET_HOST, undefined, ...wantsCertificate());
  const [transport, , first] = await attempt(t, server.port);
  t.regex(first, /^closed: ERR_SSL_\S+ALERT_HANDSHAKE_FAILURE$/);
  t.regex(meaningOf(first.slice('closed: '.length))!, /client certificate/);
  t.deepEqual([transport.counts.connects, transport.ready], [0, false]);
});

for (const [what, certificate, meaning] of WRONG_EXPORTERS) {
  rigged(`openssl refuses a client certificate over DTLS that ${what}: nothing is exported`, async t => {
    const server = await listen(t, QUIET_HOST, undefined, ...wantsCertificate());
    const [transport, , first] = await attempt(t, server.port, certificate());
    t.regex(first, /^closed: ERR_SSL_\S+ALERT/);
    t.regex(meaningOf(first.slice('closed: '.length))!, meaning);
    t.is(transport.counts.connects, 0);
  });
}

for (const { what, certificate, options, code, meaning } of WRONG_COLLECTORS) {
  rigged(`a DTLS collector whose certificate ${what} gets no record, whatever the environment says`, async t => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const server = await listen(t, QUIET_HOST, certificate());
    const [transport, , first] = await attempt(t, server.port, options);
    const why = first.replace('closed: ', '');
    t.regex(why, code);
    t.regex(meaningOf(why)!, meaning);
    t.deepEqual([transport.counts.connects, transport.counts.errors], [0, { [why]: 1 }]);
  });
}

rigged('names that a DTLS collector has are allowed, and the server name that is sent may be set (SNI)', async t => {
  const { tlsCertificate, tlsKey } = certificates().collector;
  const second = ['-servername', 'collector.test', '-cert2', tlsCertificate, '-key2', tlsKey];
  const other = certificates().ours.issue({ names: ['DNS:other.test'] });
  const server = await listen(t, QUIET_HOST, other, ...second);
  const names = { tlsServerName: 'collector.test', tlsPeerName: ['x.test', QUIET_HOST] };
  const [, , first] = await attempt(t, server.port, names);
  t.is(first, 'opened');
});

// A path that loses datagrams

rigged('a handshake of which the first of each flight is lost is made all the same', async t => {
  const server = await listen(t, QUIET_HOST, undefined, ...wantsCertificate());
  const relay = await DtlsRelay.open(t, QUIET_HOST, server.port);
  let last = '';
  relay.loses = way => {
    const turns = way !== last;
    last = way;
    return turns && relay.dropped < 4;
  };
  const [transport, , first] = await attempt(t, relay.port, certificates().exporter);
  t.is(first, 'opened');
  t.is(relay.dropped, 4);
  transport.send(...messages(1, 100, 1));
  await eventually('a message', () => server.output.includes(Buffer.alloc(100, 1)));
});

rigged('a collector whose datagrams are all lost is given up, and said to be silent', async t => {
  const server = await listen(t);
  const relay = await DtlsRelay.open(t, QUIET_HOST, server.port);
  relay.loses = way => way === 'to-exporter';
  const [transport, , first] = await attempt(t, relay.port);
  t.is(first, 'closed: no DTLS handshake');
  t.regex(meaningOf('no DTLS handshake')!, /nothing answers there in DTLS/);
  t.true(relay.sizes['to-collector'].length >= 6);
  t.is(transport.counts.connects, 0);
});

rigged('messages that are lost on the way are nobody’s fault: the session goes on', async t => {
  const server = await listen(t);
  const relay = await DtlsRelay.open(t, QUIET_HOST, server.port);
  const [transport, log] = await attempt(t, relay.port);
  let count = 0;
  relay.loses = way => way === 'to-collector' && ++count % 2 === 1;
  for (let message = 0; message < 10; message++) transport.send(Buffer.from(`<${message}>`), Uint32Array.of(3, 1), 1);
  await eventually('the last message', () => server.output.includes('<9>'));
  t.deepEqual(numbersIn(server.output), [1, 3, 5, 7, 9]);
  t.deepEqual(log.events, ['opened']);
});

// A collector that is gone

rigged('where nobody listens that is known at once', async t => {
  const socket = createSocket('udp4').bind(0, QUIET_HOST);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  const [, , first] = await attempt(t, port);
  t.is(first, 'closed: ECONNREFUSED');
});

rigged(
  'a DTLS session that has lasted its time is checked: the collector answers, and every message arrives once',
  async t => {
    const server = await listen(t);
    const [transport, log] = await attempt(t, server.port, { handshakeInterval: 200 });
    const text = (message: number): Buffer => Buffer.from(`<${message}>`.padEnd(100, '.'));
    let sent = 0;
    await eventually('three sessions', () => {
      if (transport.ready) transport.send(text(++sent), Uint32Array.of(100, 1), 1);
      return transport.counts.connects >= 3;
    });
    await eventually('the last message', () => server.output.includes(text(sent)));
    t.deepEqual(
      numbersIn(server.output),
      Array.from({ length: sent }, (_, i) => i + 1),
    );
    t.like(transport.counts, { messages: sent, errors: {}, lostRecords: 0, uncertainRecords: 0 });
    t.deepEqual(log.events.slice(0, 3), ['opened', `closed: ${CHECKED}`, 'opened']);
  },
);

rigged(
  'a DTLS collector that was started again unnoticed is noticed at the next handshake: what was sent is uncertain',
  async t => {
    const server = await listen(t);
    // no ICMP error comes through
    const relay = await DtlsRelay.open(t, QUIET_HOST, server.port);
    const [transport, log] = await attempt(t, relay.port, { handshakeInterval: 4_000, reconnectInterval: 20 });
    transport.send(...messages(2, 100, 3));
    await eventually('the messages', () => server.output.includes(Buffer.alloc(100, 2)));
    await server.kill();
    transport.send(...messages(2, 100, 4));
    await eventually('all are taken', () => transport.counts.records === 14);
    const again = await listen(t, `${QUIET_HOST}:${server.port}`);
    await eventually('it is noticed', () => log.events.includes(`closed: ${UNANSWERED}`));
    t.regex(meaningOf(UNANSWERED)!, /started again/);
    await eventually('another session', () => log.events.at(-1) === 'opened');
    // on a busy machine the first ones may have been checked before
    const { uncertainRecords, lostRecords } = transport.counts;
    t.true(uncertainRecords === 14 || uncertainRecords === 8, `${uncertainRecords}`);
    t.is(lostRecords, 0);
    t.is(transport.takeBack().length, 0, 'nothing is sent again');
    transport.send(...messages(1, 50, 1));
    await eventually('a message', () => again.output.includes(Buffer.alloc(50, 1)));
  },
);

rigged(
  'a DTLS collector that is killed at 20 random moments needs no new exporter, and what it lost is counted',
  async t => {
    let server = await listen(t);
    const { port } = server;
    const transport = transportTo(t, port, { reconnectInterval: 10, handshakeInterval: 1_500 });
    const sending = await NumberedMessages.begin(t, transport, new TransportLog(), 400);
    const numbers: number[] = [];
    for (let kill = 0; kill < 20; kill++) {
      const before = sending.sent;
      await eventually('more messages', () => sending.sent > before);
      await new Promise(resolve => setTimeout(resolve, 60 * Math.random()));
      await server.kill();
      numbers.push(...numbersIn(server.output));
      server = await listen(t, `${QUIET_HOST}:${port}`);
    }
    await eventually('messages again', () => {
      const { sent } = sending;
      return server.output.includes(sending.text(sent)) && transport.ready;
    });
    sending.stop();
    const { sent } = sending;
    await eventually('the last message', () => server.output.includes(sending.text(sent)));
    await transport.close(10_000);
    numbers.push(...numbersIn(server.output));
    t.is(new Set(numbers).size, numbers.length, 'twice');
    const missing = sent - numbers.length;
    const { uncertainRecords, lostRecords, records } = transport.counts;
    t.true(missing <= uncertainRecords + lostRecords, `${missing} of ${uncertainRecords} and ${lostRecords}`);
    t.is(records + lostRecords, sent);
  },
);

// Files

rigged('files that change are read again at the next handshake; those that are broken stay out of use', async t => {
  const server = await listen(t);
  await changeFiles(t, to => attempt(t, server.port, to));
});

// Node's OpenSSL

rigged('Node’s TLS goes on beside DTLS in one process', async t => {
  const { ours, collector } = certificates();
  const [ca, cert, key] = [ours.tlsCa, collector.tlsCertificate, collector.tlsKey].map(file => readFileSync(file));
  const tls = createServer({ cert, key }, socket => socket.pipe(socket)).listen(0, QUIET_HOST);
  await once(tls, 'listening');
  t.teardown(() => void tls.close());
  const echo = async (): Promise<string> => {
    const socket: TLSSocket = connectTls({ host: QUIET_HOST, port: (tls.address() as AddressInfo).port, ca });
    socket.end('hello');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  };
  t.is(await echo(), 'hello');
  const server = await listen(t);
  const [transport] = await attempt(t, server.port);
  const echoes = Array.from({ length: 5 }, echo);
  transport.send(...messages(5, 400, 1));
  await eventually('the last message', () => server.output.includes(Buffer.alloc(400, 5)));
  t.deepEqual(await Promise.all(echoes), Array<string>(5).fill('hello'));
});

binutils('the native module neither exports nor links functions of OpenSSL: it finds those of Node', async t => {
  const file = new URL('../../../../native/file.js', import.meta.url).href;
  const { nativeFile } = (await import(file)) as { nativeFile(): string };
  const symbols = execFileSync('nm', ['-D', nativeFile()], { encoding: 'utf8' });
  t.regex(symbols, / T napi_register_module_v1$/m);
  t.notRegex(symbols, /\b(SSL|DTLS|BIO|X509|EVP|ERR|PEM|CRYPTO|OPENSSL)_/);
});

test('the fallback has no DTLS, and says so in one sentence', t => {
  const { createDtlsContext, connectDatagram } = createFallbackBackend();
  const options = { mtu: 512, reconnectInterval: 1, handshakeInterval: 1 };
  const parts = { createContext: createDtlsContext, connect: connectDatagram, trouble: () => {} };
  const error = t.throws(() => new DtlsTransport({ protocol: 'dtls', host: 'a.test', port: 1 }, options, parts), {
    instanceOf: CtflowError,
  });
  t.like(error, { code: 'CTFLOW_BACKEND_LACKS', message: 'Only the native backend has DTLS' });
});

rigged('a session is renewed where a file has changed since its handshake', async t => {
  const { collector, exporter } = certificates();
  const server = await listen(t, QUIET_HOST, undefined, ...wantsCertificate());
  const files = { tlsCertificate: temporaryPath(t, 'cert.pem'), tlsKey: temporaryPath(t, 'key.pem') };
  const use = ({ tlsCertificate, tlsKey }: Certificate): void => {
    copyFileSync(tlsKey, files.tlsKey);
    copyFileSync(tlsCertificate, files.tlsCertificate);
  };
  use(exporter);
  const [transport, log] = await attempt(t, server.port, files);
  transport.renewWithFiles();
  t.true(transport.ready, 'they are the same');
  use(collector);
  transport.renewWithFiles();
  t.is(await log.nth(2), `closed: ${CHECKED}`);
  t.is(await log.nth(3), 'opened');
  t.deepEqual(log.uncertain, [0]);
});
