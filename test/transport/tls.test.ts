import test, { type ExecutionContext } from 'ava';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CtflowError } from '../../src/common/errors.js';
import { meaningOf } from '../../src/destination/failure-meaning.js';
import { TcpTransport } from '../../src/transport/tcp.js';
import { TlsClient } from '../../src/transport/tls-client.js';
import { tlsFileErrors } from '../../src/transport/tls-files.js';
import type { TlsClientOptions } from '../../src/transport/tls-options.js';
import { backends } from '../helpers/backends.js';
import { eventually } from '../helpers/eventually.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { messages, TransportLog } from '../helpers/fakes/transport-log.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';
import type { Certificate } from '../helpers/tls/authority.js';
import { certificates } from '../helpers/tls/certificates.js';
import { changeFiles } from '../helpers/tls/changing-files.js';
import { NumberedMessages, numbersIn } from '../helpers/tls/numbered-messages.js';
import { OpensslServer } from '../helpers/tls/openssl-server.js';
import { Peer } from '../helpers/tls/peer.js';
import { APPLICATION_DATA, Relay } from '../helpers/tls/relay.js';
import { wantsCertificate, WRONG_COLLECTORS, WRONG_EXPORTERS } from '../helpers/tls/wrong-certificates.js';

const rigged = needs(test, ['openssl']);
const linux = needs(test, ['openssl', 'linux']);

interface To extends TlsClientOptions {
  host?: string;
  reconnectInterval?: number;
  connectionLifetime?: number;
  trouble?: (error: CtflowError) => void;
}

function transportTo(t: ExecutionContext, port: number, to: To = {}): TcpTransport {
  const { host = QUIET_HOST, reconnectInterval = 60_000, connectionLifetime = 0, trouble, ...options } = to;
  const endpoint = { protocol: 'tls', host, port } as const;
  const tls = { tlsCa: certificates().ours.tlsCa, ...options };
  const transport = new TcpTransport(endpoint, {
    reconnectInterval,
    connectionLifetime,
    collectorBuffer: 32 << 20,
    limitUnsent: backends()[0].limitUnsent,
    tls: new TlsClient(endpoint, tls, trouble ?? (t.fail as () => void)),
  });
  t.teardown(() => transport.close(0));
  return transport;
}

/** @returns the transport, what it said, and its first event */
async function attempt(t: ExecutionContext, port: number, to?: To): Promise<[TcpTransport, TransportLog, string]> {
  const transport = transportTo(t, port, to);
  const log = new TransportLog();
  await transport.open(log);
  return [transport, log, await log.nth(1)];
}

/** Why the first connection ended: on a busy machine the collector's verdict may come after a session has begun. */
async function whyClosed(log: TransportLog): Promise<string> {
  const closed = await eventually('the end', () => log.events.find(event => event.startsWith('closed: ')));
  return closed.slice('closed: '.length);
}

/** The waits that are asked of timers from now on, in milliseconds. */
function askedWaits(t: ExecutionContext): number[] {
  const asked: number[] = [];
  const { setTimeout } = globalThis;
  const spy = (run: () => void, milliseconds: number): NodeJS.Timeout => {
    asked.push(milliseconds);
    return setTimeout(run, milliseconds);
  };
  globalThis.setTimeout = Object.assign(spy, setTimeout) as typeof setTimeout;
  t.teardown(() => (globalThis.setTimeout = setTimeout));
  return asked;
}

for (const version of ['-tls1_2', '-tls1_3']) {
  rigged(`openssl takes records over TLS with a client certificate (${version})`, async t => {
    const { collector, exporter } = certificates();
    const server = await OpensslServer.listen(t, QUIET_HOST, collector, version, ...wantsCertificate());
    const [transport, log, first] = await attempt(t, server.port, exporter);
    t.is(first, 'opened');
    t.is(transport.collectorExpires, Date.parse(new X509Certificate(readFileSync(collector.tlsCertificate)).validTo));
    transport.send(...messages(3, 16_384, 5));
    const last = Buffer.alloc(16_384, 3);
    await eventually('the last message', () => server.output.includes(last));
    t.true(server.output.includes(Buffer.alloc(16_384, 1)));
    t.like(transport.counts, { records: 15, messages: 3, errors: {} });
    t.is(log.records, 15);
  });

  rigged(`openssl wants a client certificate and there is none (${version})`, async t => {
    const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector, version, ...wantsCertificate());
    const [transport, log] = await attempt(t, server.port);
    const why = await whyClosed(log);
    t.regex(why, /^ERR_SSL_\S+ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)$/);
    t.regex(meaningOf(why)!, /client certificate/);
    t.is(transport.counts.records, 0);
    t.deepEqual(log.uncertain, [0]);
  });
}

for (const { what, certificate, options, code, meaning } of WRONG_COLLECTORS) {
  rigged(`a collector whose certificate ${what} gets no record, whatever the environment says`, async t => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const server = await OpensslServer.listen(t, QUIET_HOST, certificate());
    const [transport, , first] = await attempt(t, server.port, options);
    const why = first.replace('closed: ', '');
    t.regex(why, code);
    t.regex(meaningOf(why)!, meaning);
    t.false(transport.ready);
    t.deepEqual([transport.counts.connects, transport.counts.errors], [0, { [why]: 1 }]);
  });
}

for (const [what, certificate, meaning] of WRONG_EXPORTERS) {
  rigged(`openssl refuses a client certificate that ${what}: nothing is exported`, async t => {
    const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector, ...wantsCertificate());
    const [transport, log] = await attempt(t, server.port, certificate());
    const why = await whyClosed(log);
    t.regex(why, /^ERR_SSL_\S+ALERT/);
    t.regex(meaningOf(why)!, meaning);
    t.deepEqual(log.uncertain, [0]);
    t.is(transport.counts.records, 0);
  });
}

rigged('names that the certificate has are allowed, and a name of its own may be asked for', async t => {
  const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector);
  const names = { tlsServerName: 'collector.test', tlsPeerName: ['x.test', QUIET_HOST] };
  const [, , first] = await attempt(t, server.port, names);
  t.is(first, 'opened');
});

// What "taken" means over TLS

for (const version of ['-tls1_2', '-tls1_3']) {
  rigged(`each message is one TLS record, the largest too (${version})`, async t => {
    const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector, version);
    const relay = await Relay.open(t, QUIET_HOST, server.port);
    const [transport, , first] = await attempt(t, relay.port);
    t.is(first, 'opened');
    const before = relay.records(1).length;
    const sizes = [16, 100, 1_400, 16_383, transport.limit];
    for (const size of sizes) transport.send(...messages(1, size, 1));
    await eventually('all taken', () => transport.counts.messages === sizes.length);
    await eventually('all records', () => relay.records(1).length >= before + sizes.length);
    const records = relay.records(1).slice(before);
    // the tag, and in TLS 1.3 the type, in TLS 1.2 the nonce
    const more = version === '-tls1_3' ? [17] : [16, 24];
    t.true(records.every(({ type }) => type === APPLICATION_DATA));
    t.true(more.some(octets => String(records.map(({ length }) => length - octets)) === String(sizes)));
  });
}

rigged(
  'what counts as taken is what lies whole in TLS records, also when the collector is killed in the middle',
  async t => {
    const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector);
    const relay = await Relay.open(t, QUIET_HOST, server.port);
    const [transport, log, first] = await attempt(t, relay.port);
    t.is(first, 'opened');
    const handshake = relay.records(1).length;
    relay.freeze();
    let sent = 0;
    for (let full = 0; full < 20;) {
      if (transport.ready) {
        transport.send(...messages(4, 16_000, 7));
        sent += 4;
        full = 0;
      } else full++;
      await new Promise(resolve => setTimeout(resolve, 2));
    }
    await transport.close(0);
    relay.thaw();
    await eventually('the end', () => relay.ended(1));
    const { messages: taken, records, lostRecords, uncertainRecords } = transport.counts;
    t.is(relay.records(1).filter(({ length }) => length > 16_000).length, taken);
    t.true(relay.records(1).length <= handshake + taken + 1, 'beside them the end alone');
    t.true(taken > 0 && taken < sent);
    t.is(records, taken * 7);
    t.is(records + lostRecords, sent * 7, 'no record is anything else');
    t.is(uncertainRecords, records);
    t.is(log.records, sent * 7);
  },
);

rigged(
  'TLS 1.3: records that left before the collector refused the certificate are uncertain, not exported',
  async t => {
    const { theirs, collector } = certificates();
    const server = await OpensslServer.listen(t, QUIET_HOST, collector, '-tls1_3', ...wantsCertificate());
    const relay = await Relay.open(t, QUIET_HOST, server.port, true);
    const transport = transportTo(t, relay.port, theirs.issue({ names: ['DNS:exporter.test'] }));
    const log = new TransportLog();
    await transport.open(log);
    t.is(await log.nth(1), 'opened');
    transport.send(...messages(3, 1_000, 4));
    await eventually('all taken', () => transport.counts.messages === 3);
    relay.letGo();
    t.regex(await log.nth(2), /^closed: ERR_SSL_\S+ALERT_UNKNOWN_CA$/);
    t.deepEqual(log.uncertain, [12]);
    t.like(transport.counts, { records: 0, messages: 0, octets: 0, uncertainRecords: 12, lostRecords: 0 });
    t.is(transport.takeBack().length, 0, 'nothing is sent again');
  },
);

rigged('a collector that refuses after the handshake is tried less and less often', async t => {
  const { theirs, collector } = certificates();
  const server = await OpensslServer.listen(t, QUIET_HOST, collector, '-tls1_3', ...wantsCertificate());
  const relay = await Relay.open(t, QUIET_HOST, server.port, true);
  const asked = askedWaits(t);
  const wrong = theirs.issue({ names: ['DNS:exporter.test'] });
  const transport = transportTo(t, relay.port, { ...wrong, reconnectInterval: 37 });
  const log = new TransportLog();
  await transport.open(log);
  for (let round = 0; round < 3; round++) {
    t.is(await log.nth(2 * round + 1), 'opened');
    relay.letGo();
    t.regex(await log.nth(2 * round + 2), /^closed: ERR_SSL/);
  }
  t.deepEqual(
    asked.filter(wait => wait > 0 && wait % 37 === 0),
    [37, 74, 148],
  );
});

linux('a TLS collector that half-closes and reads to the end leaves nothing uncertain', async t => {
  const peer = await Peer.listen(t);
  const [transport, log, first] = await attempt(t, peer.port);
  t.is(first, 'opened');
  transport.send(...messages(3, 1_000, 4));
  await eventually('3,000 octets', () => peer.received[0].length === 3_000);
  peer.sockets[0].end();
  t.is(await log.nth(2), 'closed: closed by the collector');
  t.deepEqual(log.uncertain, [0]);
  t.is(peer.received[0].subarray(3_000).toString(), '..............12');
});

rigged('a TLS collector that is killed leaves uncertain what it may not have read', async t => {
  const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector);
  const [transport, log, first] = await attempt(t, server.port);
  t.is(first, 'opened');
  transport.send(...messages(3, 1_000, 4));
  await eventually('all taken', () => transport.counts.messages === 3);
  await server.kill();
  t.regex(await log.nth(2), /^closed/);
  t.deepEqual(log.uncertain, [12]);
  t.is(transport.takeBack().length, 0);
});

rigged(
  'a TLS collector that is killed at 20 random moments gets no message twice, and needs no new exporter',
  async t => {
    const { collector } = certificates();
    let server = await OpensslServer.listen(t, QUIET_HOST, collector);
    const { port } = server;
    const transport = transportTo(t, port, { reconnectInterval: 10 });
    const log = new TransportLog();
    const sending = await NumberedMessages.begin(t, transport, log, 3_000);
    const numbers: number[] = [];
    // on a connection that is dead and not yet known to be, messages are taken too: only a new session counts
    const sentInSession = async (session: number): Promise<void> => {
      await eventually('a session', () => log.events.filter(event => event === 'opened').length === session);
      const before = sending.sent;
      await eventually('more messages', () => sending.sent > before);
    };
    for (let kill = 1; kill <= 20; kill++) {
      await sentInSession(kill);
      await new Promise(resolve => setTimeout(resolve, 60 * Math.random()));
      await server.kill();
      numbers.push(...numbersIn(server.output));
      server = await OpensslServer.listen(t, `${QUIET_HOST}:${port}`, collector);
    }
    await sentInSession(21);
    sending.stop();
    const { sent } = sending;
    await eventually('all is taken', () => transport.counts.messages === sent);
    await eventually('the last message', () => server.output.includes(sending.text(sent)));
    numbers.push(...numbersIn(server.output));
    t.is(new Set(numbers).size, numbers.length, 'twice');
    const missing = sent - numbers.length;
    const { uncertainRecords, lostRecords, connects } = transport.counts;
    t.true(missing <= uncertainRecords, `${missing} of ${uncertainRecords}`);
    t.is(lostRecords, 0);
    t.is(connects, 21);
  },
);

rigged('everything is sent before a TLS connection closes in order', async t => {
  const peer = await Peer.listen(t, { allowHalfOpen: false });
  const [transport, log, first] = await attempt(t, peer.port);
  t.is(first, 'opened');
  transport.send(...messages(10, 16_000, 1));
  await transport.close(60_000);
  t.is(peer.received[0].length, 160_000);
  t.like(transport.counts, { records: 10, lostRecords: 0, uncertainRecords: 0 });
  t.is(log.records, 10);
});

for (const [host, names] of [
  ['::1', ['IP:::1']],
  ['localhost', ['DNS:localhost']],
] as const) {
  rigged(`the host of the endpoint is what the certificate is verified for: ${host}`, async t => {
    const { ours, collector } = certificates();
    const peer = await Peer.listen(t, {}, host, ours.issue({ names }));
    const [transport, , first] = await attempt(t, peer.port, { host });
    t.is(first, 'opened');
    transport.send(...messages(1, 100, 1));
    await eventually('a message', () => peer.received[0]?.length === 100);
    const other = await Peer.listen(t, {}, host, collector);
    const [, , refused] = await attempt(t, other.port, { host });
    t.is(refused, 'closed: ERR_TLS_CERT_ALTNAME_INVALID');
  });
}

rigged('a TLS connection that has lasted its time is renewed in order: every message arrives once', async t => {
  const peer = await Peer.listen(t, { allowHalfOpen: false });
  const [transport, log] = await attempt(t, peer.port, { connectionLifetime: 200 });
  let sent = 0;
  await eventually('three connections', () => {
    if (transport.ready) transport.send(...messages(1, 1_000, ++sent));
    return peer.sockets.length >= 3;
  });
  await transport.close(60_000);
  t.is(
    peer.received.reduce((sum, { length }) => sum + length, 0),
    sent * 1_000,
  );
  t.like(transport.counts, { messages: sent, errors: {}, lostRecords: 0, uncertainRecords: 0 });
  t.deepEqual(log.events.slice(0, 3), ['opened', 'closed: renewed', 'opened']);
});

rigged('a collector that closes after the handshake without a word gets no record', async t => {
  const { ours, theirs } = certificates();
  // Node completes the handshake, and looks at the certificate then
  const peer = await Peer.listen(t, { requestCert: true, ca: readFileSync(ours.tlsCa) });
  const [transport, log] = await attempt(t, peer.port, theirs.issue({ names: ['DNS:exporter.test'] }));
  // on a busy machine it may be seen after the 100 ms
  t.regex(await whyClosed(log), /^closed after the TLS handshake$|^closed by the collector$|^ECONNRESET$/);
  t.regex(meaningOf('closed after the TLS handshake')!, /does not accept this exporter's certificate/);
  t.is(transport.counts.records, 0);
});

rigged('the name that is asked for in the handshake has no dot behind it (RFC 6066 section 3)', async t => {
  const { ours } = certificates();
  const peer = await Peer.listen(t, {}, QUIET_HOST, ours.issue({ names: ['DNS:collector.test'] }));
  const [, , first] = await attempt(t, peer.port, { tlsServerName: 'collector.test.' });
  t.is(first, 'opened');
  t.is((peer.sockets[0] as TLSSocket & { servername: string }).servername, 'collector.test');
});

rigged('something that does not speak TLS is said to be so', async t => {
  const server = createTcpServer(socket => socket.end('220 mail.test ESMTP\r\n')).listen(0, QUIET_HOST);
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const [, , first] = await attempt(t, (server.address() as AddressInfo).port);
  t.regex(meaningOf(first.slice(8))!, /does not answer in TLS/);
});

rigged('files that change are read again at the next connection; those that are broken stay out of use', async t => {
  const server = await OpensslServer.listen(t, QUIET_HOST, certificates().collector);
  await changeFiles(t, to => attempt(t, server.port, to));
});

rigged('every file that is wrong is named at once; those that do not fit one another where each is right', t => {
  const { ours, collector, exporter } = certificates();
  const missing = { tlsCa: '/nowhere/ca', tlsCertificate: exporter.tlsCertificate, tlsKey: '/nowhere/key' };
  t.deepEqual(
    tlsFileErrors(missing).map(({ message }) => /'(.*)'/.exec(message)![1]),
    ['/nowhere/ca', '/nowhere/key'],
  );
  const other = { tlsCertificate: exporter.tlsCertificate, tlsKey: collector.tlsKey };
  t.regex(tlsFileErrors(other)[0].message, /it is not the key of/);
  t.deepEqual(tlsFileErrors({ tlsCa: ours.tlsCa, ...exporter }), []);
});

rigged('what is wrong with a file is said without its content', t => {
  const { ours, theirs, collector, exporter } = certificates();
  const endpoint = { protocol: 'tls', host: 'collector.test', port: 4740 } as const;
  const key = readFileSync(exporter.tlsKey, 'utf8');
  const broken = temporaryPath(t, 'broken.pem');
  writeFileSync(broken, key.replace(/\n.{8}/, '\n????????'));
  const locked = temporaryPath(t, 'locked.pem');
  execFileSync('openssl', ['ec', '-in', exporter.tlsKey, '-aes128', '-passout', 'pass:secret', '-out', locked]);
  for (const [files, said] of [
    [{ tlsCa: '/no/such/file' }, /'\/no\/such\/file' cannot be used: ENOENT/],
    [{ tlsCa: '/' }, /'\/' cannot be used: it is a directory/],
    [{ tlsCa: exporter.tlsKey }, /has no certificate in PEM/],
    [{ ...exporter, tlsKey: collector.tlsKey }, /is not the key of/],
    [{ ...exporter, tlsKey: broken }, /'\S+broken.pem' cannot be used: ERR_OSSL/],
    [{ ...exporter, tlsKey: locked }, /it has a passphrase/],
    [{ ...exporter, tlsKey: theirs.tlsCa }, /cannot be used: ERR_OSSL/],
  ] as const) {
    const error = t.throws(() => new TlsClient(endpoint, { tlsCa: ours.tlsCa, ...files }, t.fail as never));
    t.regex(error!.message, said);
    const text = `${error!.stack} ${JSON.stringify(error)} ${String(error!.cause)}`;
    for (const line of key.split('\n').slice(1, -2)) t.false(text.includes(line));
  }
});

rigged('a connection is renewed where a file has changed since it was made, and another cannot be used', async t => {
  const { collector, exporter, ours } = certificates();
  const peer = await Peer.listen(t, { requestCert: true, ca: readFileSync(ours.tlsCa) });
  const files = { tlsCertificate: temporaryPath(t, 'cert.pem'), tlsKey: temporaryPath(t, 'key.pem') };
  const use = ({ tlsCertificate, tlsKey }: Certificate): void => {
    copyFileSync(tlsKey, files.tlsKey);
    copyFileSync(tlsCertificate, files.tlsCertificate);
  };
  use(exporter);
  const faults: string[] = [];
  const trouble = ({ message }: CtflowError): void => void faults.push(message);
  const [transport, log] = await attempt(t, peer.port, { ...files, trouble });
  const shown = (which: number): Promise<string> =>
    eventually('a session', () => peer.sockets[which]?.getPeerCertificate().fingerprint256);
  const shownFirst = await shown(0);
  transport.renewWithFiles();
  t.deepEqual(log.events, ['opened'], 'they are the same');
  writeFileSync(files.tlsCertificate, 'half a file');
  transport.renewWithFiles();
  t.is(faults.length, 1);
  t.deepEqual(log.events, ['opened'], 'the connection stays');
  use(collector);
  transport.send(...messages(3, 100, 1));
  transport.renewWithFiles();
  peer.sockets[0].on('end', () => peer.sockets[0].end());
  t.is(await log.nth(2), 'closed: new TLS files');
  t.is(await log.nth(3), 'opened');
  t.deepEqual(
    [shownFirst, await shown(1)],
    [exporter, collector].map(({ tlsCertificate }) => new X509Certificate(readFileSync(tlsCertificate)).fingerprint256),
  );
  t.is(transport.counts.records, 3);
  t.deepEqual(log.uncertain, [0]);
});
