import test, { type ExecutionContext } from 'ava';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { describeTrouble } from '../../../src/cli/collect/troubles.js';
import { Collector, type CollectorOptions } from '../../../src/collector/collector.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import type { Trouble } from '../../../src/collector/trouble.js';
import { parseEndpoint, type Endpoint } from '../../../src/common/endpoint.js';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import type { DtlsSession } from '../../../src/transport/dtls/engine.js';
import { CHECKED, DtlsTransport, UNANSWERED, type DtlsTimes } from '../../../src/transport/dtls/transport.js';
import { readTlsFiles } from '../../../src/transport/tls-files.js';
import type { TlsClientOptions, TlsListenerOptions } from '../../../src/transport/tls-options.js';
import { message, set, templateSet, u8 } from '../../helpers/builders/ipfix-builder.js';
import { backends } from '../../helpers/backends.js';
import { eventually } from '../../helpers/eventually.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { TransportLog } from '../../helpers/fakes/transport-log.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { certificates } from '../../helpers/tls/certificates.js';
import { DtlsRelay } from '../../helpers/tls/dtls-relay.js';

const backend = backends().find(({ name }) => name === 'native');
// the fallback alone has none of it
const rigged = backend ? needs(test, ['openssl']) : () => {};

interface Running {
  readonly collector: Collector;
  readonly endpoint: Endpoint;
  readonly records: CollectedRecord[];
  readonly troubles: Trouble[];
}

function verifying(): TlsListenerOptions {
  return { ...certificates().collector, tlsCa: certificates().ours.tlsCa };
}

async function start(
  t: ExecutionContext,
  tls: TlsListenerOptions = verifying(),
  { port = 0, ...options }: Partial<CollectorOptions> & { port?: number } = {},
): Promise<Running> {
  const records: CollectedRecord[] = [];
  const troubles: Trouble[] = [];
  const collector = new Collector({
    listen: [parseEndpoint(`dtls://${QUIET_HOST}:${port}`)],
    onRecord: record => records.push(record),
    onTrouble: trouble => troubles.push(trouble),
    tls,
    ...(backend && { createDtlsContext: backend.createDtlsContext }),
    ...options,
  });
  const [endpoint] = await collector.open();
  t.teardown(() => collector.close());
  return { collector, endpoint, records, troubles };
}

interface From extends TlsClientOptions {
  reconnectInterval?: number;
  handshakeInterval?: number;
  localPort?: number;
  localAddress?: string;
  times?: Partial<DtlsTimes>;
}

/** @returns an exporter's transport, and its first event */
async function exporter(
  t: ExecutionContext,
  { port }: Endpoint,
  { times, ...options }: From = certificates().exporter,
): Promise<[DtlsTransport, TransportLog, string]> {
  const transport = new DtlsTransport(
    { protocol: 'dtls', host: QUIET_HOST, port },
    { mtu: 512, reconnectInterval: 60_000, handshakeInterval: 3_600_000, tlsCa: certificates().ours.tlsCa, ...options },
    {
      createContext: backend!.createDtlsContext,
      connect: backend!.connectDatagram,
      trouble: t.fail as () => void,
    },
    times,
  );
  t.teardown(() => transport.close(0));
  const log = new TransportLog();
  await transport.open(log);
  return [transport, log, await log.nth(1)];
}

function send(transport: DtlsTransport, bytes: Uint8Array, records: number): void {
  transport.send(bytes, Uint32Array.of(bytes.length, records), 1);
}

const DEFINE = message({}, templateSet(256, [4, 1]));
const data = (sequence: number, ...protocols: number[]): Buffer =>
  message({ sequence }, set(256, ...protocols.map(u8)));

/** A socket that says to a collector what nobody should. */
async function socketTo(t: ExecutionContext, { port }: Endpoint): Promise<[Socket, Buffer[]]> {
  const socket = createSocket('udp4').bind(0, QUIET_HOST);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  const answers: Buffer[] = [];
  socket.on('message', answer => answers.push(answer));
  socket.connect(port, QUIET_HOST);
  await once(socket, 'connect');
  return [socket, answers];
}

/** Begins handshakes of exporters without a socket. */
function sessions(): () => DtlsSession {
  const { ours, exporter } = certificates();
  const context = backend!.createDtlsContext(readTlsFiles({ tlsCa: ours.tlsCa, ...exporter }).options);
  return () => context.client(QUIET_HOST, 512, 28);
}

rigged('records arrive over DTLS from an exporter whose certificate is verified', async t => {
  const { collector, endpoint, records, troubles } = await start(t);
  const [transport, log, first] = await exporter(t, endpoint);
  t.is(first, 'opened');
  send(transport, DEFINE, 0);
  send(transport, data(0, 6, 17), 2);
  await eventually('two records', () => records.length === 2);
  t.regex(records[0].exporter, /^dtls:\/\/127\.\S+:\d+$/);
  t.is(collector.stats().sessions, 1);
  await transport.close(60_000);
  await eventually('the end', () => collector.stats().sessions === 0);
  t.deepEqual(troubles, []);
  t.is(log.records, 2);
  t.like(transport.counts, { uncertainRecords: 0, lostRecords: 0, errors: {} });
});

rigged('a DTLS collector that ends tells its exporters', async t => {
  const { collector, endpoint, records } = await start(t);
  const [transport, log] = await exporter(t, endpoint);
  send(transport, DEFINE, 0);
  send(transport, data(0, 6, 17), 2);
  await eventually('two records', () => records.length === 2);
  t.is(await collector.close(20_000), 0);
  t.is(await log.nth(2), 'closed: closed by the collector');
  // sent within the last second
  t.true(log.uncertain[0] <= 2);
});

for (const [what, tls, said, more] of [
  ['has no certificate', () => ({}), /has given no certificate/, {}],
  [
    'has an expired certificate',
    () => certificates().ours.issue({ names: ['DNS:exporter.test'], expired: true }),
    /certificate has expired/,
    {},
  ],
  [
    'has a certificate of an unknown authority',
    () => certificates().theirs.issue({ names: ['DNS:exporter.test'] }),
    /authority that is not in --tls-ca/,
    {},
  ],
  [
    'has a certificate for a name that is not allowed',
    () => certificates().exporter,
    /none of the names of --tls-peer-name/,
    { tlsPeerName: ['other.test', '192.0.2.1'] },
  ],
] as const) {
  rigged(
    `a DTLS exporter that ${what} is refused, with the reason in the log, and none of its records is read`,
    async t => {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
      const { collector, endpoint, records, troubles } = await start(t, { ...verifying(), ...more });
      const [transport, , first] = await exporter(t, endpoint, tls());
      t.regex(first, /^closed: (ERR_SSL_\S+ALERT|closed after the TLS handshake)/);
      t.false(transport.ready);
      await eventually('the refusal', () => troubles.length > 0);
      t.regex(describeTrouble(troubles[0]), said);
      t.regex(describeTrouble(troubles[0]), /^dtls:\/\/127\.\S+:\d+: a DTLS session is refused: /);
      t.is(collector.stats().refusedHandshakes, 1);
      t.deepEqual([records.length, collector.stats().sessions], [0, 0]);
    },
  );
}

rigged('DTLS names that are allowed are let in; without authorities nobody needs a certificate', async t => {
  const strict = await start(t, { ...verifying(), tlsPeerName: ['other.test', 'exporter.test'] });
  const [, , first] = await exporter(t, strict.endpoint);
  t.is(first, 'opened');
  const open = await start(t, certificates().collector);
  const [, , second] = await exporter(t, open.endpoint, {});
  t.is(second, 'opened');
});

rigged('a handshake over a path that loses datagrams of both sides is made', async t => {
  const { endpoint, records } = await start(t);
  const relay = await DtlsRelay.open(t, QUIET_HOST, endpoint.port);
  let count = 0;
  relay.loses = () => ++count % 3 === 0 && relay.dropped < 6;
  const [transport, , first] = await exporter(t, { ...endpoint, port: relay.port });
  t.is(first, 'opened');
  t.true(relay.dropped > 0);
  relay.loses = () => false;
  send(transport, DEFINE, 0);
  send(transport, data(0, 6), 1);
  await eventually('a record', () => records.length === 1);
});

rigged('who has not shown that he is where he says he is gets less than he sent, and takes no place', async t => {
  const { collector, endpoint, troubles } = await start(t);
  const [socket, answers] = await socketTo(t, endpoint);
  const [hello] = sessions()().takeDatagrams();
  for (let i = 0; i < 100; i++) socket.send(hello);
  await eventually('the answers', () => answers.length === 100);
  // HelloVerifyRequest
  t.true(answers.every(answer => answer[0] === 22 && answer[13] === 3 && answer.length < hello.length));
  t.deepEqual([troubles.length, collector.stats().refusedConnections], [0, 0]);
});

rigged('of too many handshakes under way the oldest ends', async t => {
  const { collector, endpoint } = await start(t);
  const begin = sessions();
  const silent = Array.from({ length: 65 }, async () => {
    const [socket, answers] = await socketTo(t, endpoint);
    const session = begin();
    socket.send(session.takeDatagrams()[0]);
    await eventually('the cookie', () => answers.length > 0);
    session.receive(answers[0], '');
    for (const datagram of session.takeDatagrams()) socket.send(datagram);
    await eventually('the certificate', () => answers.length > 1);
  });
  await Promise.all(silent);
  t.is(collector.stats().refusedConnections, 1);
  const [, , first] = await exporter(t, endpoint);
  t.is(first, 'opened');
});

rigged('a datagram of a session that is not known is counted, and its sender is told so', async t => {
  const { collector, endpoint, troubles } = await start(t);
  const [socket, answers] = await socketTo(t, endpoint);
  socket.send(Buffer.concat([Buffer.from([23, 0xfe, 0xfd, 0, 1]), Buffer.alloc(60)]));
  socket.send(DEFINE);
  await eventually('the answers', () => answers.length === 2);
  t.true(answers.every(answer => answer[0] === 21 && answer.length === 15));
  t.is(collector.stats().strayDatagrams, 2);
  t.regex(describeTrouble(troubles[0]), /a DTLS datagram of an unknown session, answered with an alert/);
});

rigged(
  'an exporter notices by that answer that its collector was started again; what it lost is uncertain',
  async t => {
    const { collector, endpoint, records } = await start(t);
    const relay = await DtlsRelay.open(t, QUIET_HOST, endpoint.port);
    const options = { ...certificates().exporter, times: { doubt: 0 } };
    const [transport, log] = await exporter(t, { ...endpoint, port: relay.port }, options);
    send(transport, DEFINE, 0);
    send(transport, data(0, 6, 17), 2);
    await eventually('two records', () => records.length === 2);
    // nobody is told
    relay.loses = () => true;
    await collector.close();
    relay.loses = () => false;
    const again = await start(t, verifying(), { port: endpoint.port });
    send(transport, data(2, 6), 1);
    t.is(await log.nth(2), `closed: ${UNANSWERED}`);
    t.is(await log.nth(3), 'opened');
    t.deepEqual(log.uncertain, [3]);
    send(transport, DEFINE, 0);
    send(transport, data(0, 6), 1);
    await eventually('a record', () => again.records.length === 1);
  },
);

rigged(
  'who says falsely that the collector does not know the session makes the exporter ask, and nothing is lost',
  async t => {
    const { endpoint, records } = await start(t);
    const relay = await DtlsRelay.open(t, QUIET_HOST, endpoint.port);
    const options = { ...certificates().exporter, times: { doubt: 0 } };
    const [transport, log] = await exporter(t, { ...endpoint, port: relay.port }, options);
    send(transport, DEFINE, 0);
    send(transport, data(0, 6, 17), 2);
    await eventually('two records', () => records.length === 2);
    relay.sayToExporters(Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 10]));
    t.is(await log.nth(2), `closed: ${CHECKED}`);
    t.is(await log.nth(3), 'opened');
    t.deepEqual(log.uncertain, [0]);
  },
);

rigged('an exporter that was started again at the same port begins a session of its own', async t => {
  const { collector, endpoint, records, troubles } = await start(t);
  const probe = createSocket('udp4').bind(0, QUIET_HOST);
  await once(probe, 'listening');
  const localPort = probe.address().port;
  probe.close();
  await once(probe, 'close');
  const relay = await DtlsRelay.open(t, QUIET_HOST, endpoint.port);
  const options = { ...certificates().exporter, localPort, localAddress: QUIET_HOST };
  const [first] = await exporter(t, { ...endpoint, port: relay.port }, options);
  send(first, DEFINE, 0);
  send(first, data(0, 6, 17), 2);
  await eventually('two records', () => records.length === 2);
  // it is killed
  relay.loses = () => true;
  await first.close(0);
  relay.loses = () => false;
  const [second, , opened] = await exporter(t, { ...endpoint, port: relay.port }, options);
  t.is(opened, 'opened');
  send(second, message({}, templateSet(256, [4, 1], [5, 1])), 0);
  send(second, message({ sequence: 0 }, set(256, Buffer.of(6, 0))), 1);
  await eventually('another record', () => records.length === 3);
  t.like(collector.stats(), { sessions: 1, sequenceRestarts: 0, conflictingTemplates: 0 });
  t.deepEqual(troubles, []);
});

rigged('beyond the limit of DTLS sessions the least useful is closed, and its exporter is told', async t => {
  const { collector, endpoint, troubles } = await start(t, verifying(), { limits: { dtlsSessions: 1 } });
  const [, log] = await exporter(t, endpoint);
  const [, second] = await exporter(t, endpoint);
  await eventually('one is closed', () =>
    [...log.events, ...second.events].includes('closed: closed by the collector'),
  );
  t.is(collector.stats().evictedSessions, 1);
  t.regex(describeTrouble(troubles[0]), /its session is forgotten to make room/);
});

rigged('DTLS certificates that change are read again; those that are broken stay out of use', async t => {
  const { ours, theirs, collector: own, exporter: right } = certificates();
  const tlsCa = temporaryPath(t, 'ca.pem');
  copyFileSync(theirs.tlsCa, tlsCa);
  const { endpoint, troubles } = await start(t, { ...own, tlsCa });
  const [transport, log, first] = await exporter(t, endpoint, { ...right, reconnectInterval: 200 });
  t.regex(first, /^closed/);
  writeFileSync(tlsCa, 'half a file');
  await eventually('the fault', () => troubles.some(({ kind }) => kind === 'tls-files'));
  t.regex(describeTrouble(troubles.find(({ kind }) => kind === 'tls-files')!), /CTFLOW_TLS: .*no certificate in PEM/);
  copyFileSync(ours.tlsCa, tlsCa);
  await eventually('a session', () => log.events.at(-1) === 'opened');
  t.true(transport.ready);
});

rigged('dtls:// needs a certificate, and an allow-list authorities', async t => {
  const { collector: own } = certificates();
  await t.throwsAsync(start(t, {}), { code: 'CTFLOW_USAGE', message: /dtls:\/\/ needs a certificate/ });
  await t.throwsAsync(start(t, { ...own, tlsPeerName: ['a'] }), { code: 'CTFLOW_USAGE', message: /needs --tls-ca/ });
  await t.throwsAsync(start(t, { ...own, tlsKey: '/no/such/file' }), { code: 'CTFLOW_TLS' });
});

needs(test, ['openssl'])('the fallback collects nothing over DTLS, and says so', async t => {
  const { createDtlsContext } = createFallbackBackend();
  await t.throwsAsync(start(t, verifying(), { createDtlsContext }), { code: 'CTFLOW_BACKEND_LACKS' });
});
