import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describeTrouble } from '../../src/cli/collect/troubles.js';
import { Collector, type CollectorOptions } from '../../src/collector/collector.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import type { TlsClientOptions, TlsListenerOptions } from '../../src/transport/tls-options.js';
import type { Trouble } from '../../src/collector/trouble.js';
import { parseEndpoint, type Endpoint } from '../../src/common/endpoint.js';
import { TcpTransport } from '../../src/transport/tcp.js';
import { TlsClient } from '../../src/transport/tls-client.js';
import { message, set, templateSet, u8 } from '../helpers/builders/ipfix-builder.js';
import { eventually } from '../helpers/eventually.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { TransportLog } from '../helpers/fakes/transport-log.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';
import { Authority, type Certificate } from '../helpers/tls/authority.js';

const rigged = needs(test, ['openssl']);

let made: { ours: Authority; theirs: Authority; collector: Certificate; exporter: Certificate } | undefined;
/** Certificates that are right, made once. */
function certificates(): NonNullable<typeof made> {
  const ours = made?.ours ?? new Authority('ours');
  made ??= {
    ours,
    theirs: new Authority('theirs'),
    collector: ours.issue({ names: [`IP:${QUIET_HOST}`] }),
    exporter: ours.issue({ names: ['DNS:exporter.test'] }),
  };
  return made;
}

interface Running {
  readonly collector: Collector;
  readonly endpoint: Endpoint;
  readonly records: CollectedRecord[];
  readonly troubles: Trouble[];
}

async function start(
  t: ExecutionContext,
  tls: TlsListenerOptions = { ...certificates().collector, tlsCa: certificates().ours.tlsCa },
  options: Partial<CollectorOptions> = {},
): Promise<Running> {
  const records: CollectedRecord[] = [];
  const troubles: Trouble[] = [];
  const collector = new Collector({
    listen: [parseEndpoint(`tls://${QUIET_HOST}:0`)],
    onRecord: record => records.push(record),
    onTrouble: trouble => troubles.push(trouble),
    tls,
    ...options,
  });
  const [endpoint] = await collector.open();
  t.teardown(() => collector.close());
  return { collector, endpoint, records, troubles };
}

/** @returns an exporter's transport, and its first event */
async function exporter(
  t: ExecutionContext,
  endpoint: Endpoint,
  tls: Partial<TlsClientOptions> = certificates().exporter,
  reconnectInterval = 60_000,
): Promise<[TcpTransport, TransportLog, string]> {
  const transport = new TcpTransport(endpoint, {
    reconnectInterval,
    collectorBuffer: 32 << 20,
    limitUnsent: () => false,
    tls: new TlsClient(endpoint, { tlsCa: certificates().ours.tlsCa, ...tls }, t.fail as () => void),
  });
  t.teardown(() => transport.close(0));
  const log = new TransportLog();
  log.emptyMessage = sequence => message({ sequence });
  await transport.open(log);
  return [transport, log, await log.nth(1)];
}

function send(transport: TcpTransport, bytes: Uint8Array, records: number): void {
  transport.send(bytes, Uint32Array.of(bytes.length, records), 1);
}

const DEFINE = message({}, templateSet(256, [4, 1]));
const data = (sequence: number, ...protocols: number[]): Buffer =>
  message({ sequence }, set(256, ...protocols.map(u8)));

rigged('records arrive over TLS from an exporter whose certificate is verified', async t => {
  const { collector, endpoint, records, troubles } = await start(t);
  const [transport, log, first] = await exporter(t, endpoint);
  t.is(first, 'opened');
  send(transport, DEFINE, 0);
  send(transport, data(0, 6, 17), 2);
  await eventually('two records', () => records.length === 2);
  t.regex(records[0].exporter, /^tls:\/\/127\.\S+:\d+$/);
  t.is(collector.stats().sessions, 1);
  await transport.close(60_000);
  await eventually('the end', () => collector.stats().sessions === 0);
  t.deepEqual(troubles, []);
  t.is(log.records, 2);
});

rigged('a TLS collector that ends reads what was sent to the end, and leaves nothing uncertain', async t => {
  const { collector, endpoint, records } = await start(t);
  const [transport, log] = await exporter(t, endpoint);
  send(transport, DEFINE, 0);
  send(transport, data(0, 6, 17), 2);
  await eventually('two records', () => records.length === 2);
  t.is(await collector.close(20_000), 0);
  t.is(await log.nth(2), 'closed: closed by the collector');
  t.is(collector.stats().malformedMessages, 0);
  if (process.platform === 'linux') t.deepEqual(log.uncertain, [0]);
});

const REFUSED: readonly (readonly [string, () => Partial<TlsClientOptions>, RegExp, TlsListenerOptions?])[] = [
  ['has no certificate', () => ({}), /has given no certificate/],
  [
    'has an expired certificate',
    () => certificates().ours.issue({ names: ['DNS:exporter.test'], expired: true }),
    /certificate has expired/,
  ],
  [
    'has a certificate of an unknown authority',
    () => certificates().theirs.issue({ names: ['DNS:exporter.test'] }),
    /authority that is not in --tls-ca/,
  ],
  [
    'has a certificate for a name that is not allowed',
    () => certificates().exporter,
    /none of the names of --tls-peer-name/,
    { tlsPeerName: ['other.test', '192.0.2.1'] },
  ],
];

for (const [what, tls, said, more] of REFUSED) {
  rigged(
    `an exporter that ${what} is refused, with the reason in the log, and none of its records is read`,
    async t => {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
      const { ours, collector: own } = certificates();
      const { collector, endpoint, records, troubles } = await start(t, { ...own, tlsCa: ours.tlsCa, ...more });
      const [transport, log] = await exporter(t, endpoint, tls());
      await eventually('the end', () => log.events.some(event => event.startsWith('closed: ')));
      t.false(transport.ready);
      await eventually('the refusal', () => troubles.length > 0);
      t.regex(describeTrouble(troubles[0]), said);
      t.regex(describeTrouble(troubles[0]), /^tls:\/\/127\.\S+:\d+: a TLS connection is refused: /);
      t.is(collector.stats().refusedHandshakes, 1);
      t.deepEqual([records.length, collector.stats().sessions], [0, 0]);
    },
  );
}

rigged('a connection is closed on which something came that cannot be decrypted', async t => {
  const { collector, endpoint, troubles } = await start(t, certificates().collector);
  const raw = connectTcp(endpoint.port, QUIET_HOST);
  const secure = connectTls({ socket: raw, ca: readFileSync(certificates().ours.tlsCa), host: QUIET_HOST });
  secure.on('error', () => {});
  t.teardown(() => raw.destroy());
  await once(secure, 'secureConnect');
  await eventually('its session', () => collector.stats().sessions === 1);
  const { fd } = Reflect.get(raw, '_handle') as { fd: number };
  writeSync(fd, Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), Buffer.alloc(64, 7)]));
  await eventually('its end', () => collector.stats().sessions === 0);
  t.is(collector.stats().disconnectedSessions, 1);
  t.regex(troubles.map(describeTrouble).join(), /its connection is closed: .*\(ERR_SSL_/);
});

rigged('names that are allowed are let in; without authorities nobody needs a certificate', async t => {
  const { ours, collector: own } = certificates();
  const strict = await start(t, { ...own, tlsCa: ours.tlsCa, tlsPeerName: ['other.test', 'exporter.test'] });
  const [, , first] = await exporter(t, strict.endpoint);
  t.is(first, 'opened');
  const open = await start(t, own);
  const [, , second] = await exporter(t, open.endpoint, {});
  t.is(second, 'opened');
});

rigged('what is no TLS, and who says nothing, takes no place', async t => {
  const { collector, endpoint, troubles } = await start(t);
  const plain = connectTcp(endpoint.port, endpoint.host);
  plain.on('error', () => {});
  plain.write(DEFINE);
  await eventually('the refusal', () => troubles.length > 0);
  t.regex(describeTrouble(troubles[0]), /what came is no TLS/);
  const silent = Array.from({ length: 80 }, () => connectTcp(endpoint.port, endpoint.host));
  t.teardown(() => silent.forEach(socket => socket.destroy()));
  for (const socket of silent) socket.on('error', () => {}).resume();
  await eventually('the oldest are closed', () => silent.filter(({ destroyed }) => destroyed).length >= 16);
  t.true(collector.stats().refusedConnections >= 16);
  const [, , first] = await exporter(t, endpoint);
  t.is(first, 'opened');
});

rigged('certificates that change are read again; those that are broken stay out of use', async t => {
  const { ours, theirs, collector: own } = certificates();
  const tlsCa = temporaryPath(t, 'ca.pem');
  copyFileSync(theirs.tlsCa, tlsCa);
  const { endpoint, troubles } = await start(t, { ...own, tlsCa });
  const [transport, log] = await exporter(t, endpoint, certificates().exporter, 200);
  // on a busy machine the verdict comes after a session has begun
  await eventually('a refusal', () => log.events.some(event => event.startsWith('closed')));
  writeFileSync(tlsCa, 'half a file');
  await eventually('the fault', () => troubles.some(({ kind }) => kind === 'tls-files'));
  t.regex(describeTrouble(troubles.find(({ kind }) => kind === 'tls-files')!), /CTFLOW_TLS: .*no certificate in PEM/);
  copyFileSync(ours.tlsCa, tlsCa);
  await transport.tryNow(0);
  await eventually('a session', () => log.events.at(-1) === 'opened');
  t.true(transport.ready);
});

rigged('tls:// needs a certificate, and an allow-list authorities', async t => {
  const { collector: own } = certificates();
  await t.throwsAsync(start(t, {}), { code: 'CTFLOW_USAGE', message: /needs a certificate/ });
  await t.throwsAsync(start(t, { ...own, tlsPeerName: ['a'] }), { code: 'CTFLOW_USAGE', message: /needs --tls-ca/ });
  await t.throwsAsync(start(t, { ...own, tlsKey: '/no/such/file' }), { code: 'CTFLOW_TLS' });
});
