/** A session over DTLS is one of UDP whose ends know each other: what RFC 7011 asks of it, over real sockets. */
import test, { type ExecutionContext } from 'ava';
import { Collector } from '../../../src/collector/collector.js';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import type { TlsFileNames } from '../../../src/transport/tls-options.js';
import { backends } from '../../helpers/backends.js';
import { readMessage } from '../../helpers/builders/wire.js';
import { eventually } from '../../helpers/eventually.js';
import { needs } from '../../helpers/kernel/require.js';
import { begin, many, Rig } from '../../helpers/rigs/destination-rig.js';
import type { Certificate } from '../../helpers/tls/authority.js';
import { certificates } from '../../helpers/tls/certificates.js';
import { OpensslServer } from '../../helpers/tls/openssl-server.js';

const backend = backends().find(({ name }) => name === 'native');
// the fallback alone has none of it
const rigged = backend ? needs(test, ['openssl']) : () => {};

interface Received {
  readonly port: number;
  readonly messages: Buffer[];
  records: number;
  close(): Promise<number>;
}

async function collect(t: ExecutionContext, host: string, files: TlsFileNames, port = 0): Promise<Received> {
  const messages: Buffer[] = [];
  const collector = new Collector({
    listen: [{ protocol: 'dtls', host, port }],
    tls: files,
    createDtlsContext: backend!.createDtlsContext,
    onMessage: bytes => messages.push(Buffer.from(bytes)),
    onRecord: () => received.records++,
  });
  const [endpoint] = await collector.open();
  t.teardown(() => collector.close());
  const received: Received = { port: endpoint.port, messages, records: 0, close: () => collector.close(1_000) };
  return received;
}

const isTemplate = (bytes: Buffer): boolean => readMessage(bytes).sets[0].id < 256;

for (const host of ['127.0.0.1', '::1']) {
  const family = host === '::1' ? 'IPv6' : 'IPv4';

  rigged(
    `RFC 7011 3.1, 8, 10.3: over DTLS and ${family} a collector that restarts gets a new session with all templates`,
    async t => {
      const { ours, exporter } = certificates();
      const { tlsCa } = ours;
      const files = { tlsCa, ...ours.issue({ names: [`IP:${host}`] }) };
      const before = await collect(t, host, files);
      const { port } = before;
      const more = { maxRate: 'off', tlsCa, ...exporter } as const;
      const rig = new Rig(backend!, { protocol: 'dtls', host, port }, more);
      await begin(t, rig);
      rig.poll(...many(30, 1));
      await rig.destination.export();
      await eventually('thirty records', () => before.records === 30);
      t.is(readMessage(before.messages[0]).sequence, 0);
      t.true(isTemplate(before.messages[0]), 'templates first');
      const most = 512 - (host === '::1' ? 48 : 28) - 37;
      t.true(before.messages.every(({ length }) => length <= most));
      t.true(
        before.messages.some(({ length }) => length > most - 200),
        'as large as a packet carries',
      );
      await before.close();
      await eventually('the end', () => !rig.destination.stats().connected);
      const after = await collect(t, host, files, port);
      await eventually('a new session', () => rig.opened === 2);
      rig.poll(...many(30, 2));
      await rig.destination.export();
      await eventually('thirty records again', () => after.records === 30);
      t.is(readMessage(after.messages[0]).sequence, 0);
      t.true(isTemplate(after.messages[0]), 'templates first');
      await rig.destination.drain(10_000);
      const { records, lostRecords } = rig.destination.stats().transport;
      t.deepEqual([records, lostRecords], [60, 0]);
    },
  );
}

const HERE = ['IP:127.0.0.1'];
const UNREACHABLE = 'collector unreachable; retrying';
const WANTED = ['-Verify', '1', '-verify_return_error'];

type Refusal = readonly [
  reason: string,
  of: { collector?: () => Certificate; exporter?: () => Certificate; flags?: string[] },
  meaning: RegExp,
];
const REFUSALS: readonly Refusal[] = [
  ['wrong name', { collector: () => certificates().ours.issue({ names: ['DNS:other.test'] }) }, /for another name/],
  [
    'expired',
    { collector: () => certificates().ours.issue({ names: HERE, expired: true }) },
    /collector's certificate has expired/,
  ],
  ['no client certificate', { flags: WANTED }, /may want a client certificate/],
  [
    'unknown authority',
    { collector: () => certificates().theirs.issue({ names: HERE }) },
    /authority that is not trusted/,
  ],
  [
    'expired client certificate',
    { flags: WANTED, exporter: () => certificates().ours.issue({ names: ['DNS:exporter.test'], expired: true }) },
    /this exporter's certificate has expired/,
  ],
  [
    'client certificate of an unknown authority',
    { flags: WANTED, exporter: () => certificates().theirs.issue({ names: ['DNS:exporter.test'] }) },
    /does not know the authority of this exporter's certificate/,
  ],
];

for (const [reason, { collector, exporter, flags = [] }, meaning] of REFUSALS) {
  rigged(
    `RFC 7011 11.3: without mutual authentication nothing is exported over DTLS, and the log says why: ${reason}`,
    async t => {
      const { ours } = certificates();
      const certificate = collector?.() ?? ours.issue({ names: HERE });
      const wants = ['-dtls1_2', '-timeout', '-CAfile', ours.tlsCa, ...flags];
      const { port } = await OpensslServer.listen(t, '127.0.0.1', certificate, ...wants);
      const options = { reconnectInterval: 60_000, tlsCa: ours.tlsCa, ...exporter?.() };
      const rig = new Rig(backend!, { protocol: 'dtls', host: '127.0.0.1', port }, options);
      t.teardown(() => rig.destination.close());
      await rig.destination.open();
      const line = await eventually('the reason', () => rig.lines.find(({ msg }) => msg === UNREACHABLE));
      t.regex(String(line['meaning']), meaning);
      t.truthy(line['why']);
      rig.poll(...many(3, 1));
      await rig.destination.export();
      t.is(rig.destination.stats().transport.records, 0);
      t.is(rig.opened, 0);
    },
  );
}

test('a destination over DTLS is refused by the fallback', t => {
  const endpoint = { protocol: 'dtls', host: '127.0.0.1', port: 4740 } as const;
  t.throws(() => new Rig(createFallbackBackend(), endpoint), { code: 'CTFLOW_BACKEND_LACKS' });
});
