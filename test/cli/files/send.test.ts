import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Collector } from '../../../src/collector/collector.js';
import type { TlsListenerOptions } from '../../../src/transport/tls-options.js';
import { backends } from '../../helpers/backends.js';
import { message, set, templateSet, u32 } from '../../helpers/builders/ipfix-builder.js';
import { eventually } from '../../helpers/eventually.js';
import { anyCollector, ctflow } from '../../helpers/kernel/cli.js';
import { needs } from '../../helpers/kernel/require.js';
import { Authority } from '../../helpers/tls/authority.js';
import { temporaryPath } from '../../helpers/temporary.js';

const TEMPLATE = message({}, templateSet(256, [1, 4]));
const data = (...values: number[]): Buffer => message({}, set(256, ...values.map(u32)));
const backend = backends()[0].name;

async function receive(
  t: ExecutionContext,
  tls?: TlsListenerOptions,
  protocol: 'tcp' | 'tls' | 'dtls' = tls ? 'tls' : 'tcp',
): Promise<{ endpoint: string; values: unknown[] }> {
  const values: unknown[] = [];
  const collector = new Collector({
    listen: [{ protocol, host: '127.0.0.1', port: 0 }],
    ...(tls && { tls }),
    onRecord: record => values.push(record.get('octetDeltaCount')),
  });
  t.teardown(() => collector.close());
  const [{ port }] = await collector.open();
  return { endpoint: `${protocol}://127.0.0.1:${port}`, values };
}

test('send: the records of all files arrive, and the exit code is 0', async t => {
  const [first, second] = ['a.ipfix', 'b.ipfix'].map(name => temporaryPath(t, name));
  writeFileSync(first, Buffer.concat([TEMPLATE, data(1, 2)]));
  writeFileSync(second, Buffer.concat([TEMPLATE, data(3)]));
  const { endpoint, values } = await receive(t);
  const { code, stderr } = await ctflow(['send', first, second, '--collector', endpoint, '--backend', backend]);
  t.is(code, 0, stderr);
  t.is(stderr, `ctflow: read 3 records in 4 messages; sent 3 records in 3 messages to ${endpoint}\n`);
  await eventually('the records', () => values.length === 3);
  t.deepEqual(values, [1, 2, 3]);
});

test('send: a damaged file and records that no datagram holds end with exit code 1, which says what is missing', async t => {
  const path = temporaryPath(t, 'a.ipfix');
  const whole = Buffer.concat([
    TEMPLATE,
    data(1, 2),
    message({}, templateSet(300, [82, 600]), set(300, Buffer.alloc(600))),
  ]);
  writeFileSync(path, Buffer.concat([whole, data(3).subarray(0, 10)]));
  const to = await anyCollector();
  const { code, stderr } = await ctflow(['send', path, '--collector', to, '--mtu', '512', '--backend', backend]);
  t.is(code, 1);
  t.true(stderr.includes(`${path}: the last message, at octet ${whole.length}, is cut off`), stderr);
  t.regex(stderr, /read 3 records in 3 messages; sent 2 records/);
  t.regex(
    stderr,
    /CTFLOW_UNEXPORTED: 1 of 1 files could not be read to their end, 1 records were too large for the MTU\. /,
  );
});

for (const protocol of ['tls', 'dtls'] as const) {
  // the fallback has no DTLS
  if (protocol === 'dtls' && backend === 'fallback') continue;
  needs(test, ['openssl'])(`send: over ${protocol} with a certificate, to a collector of an own authority`, async t => {
    const authority = new Authority('ours');
    const collector = authority.issue({ names: ['IP:127.0.0.1'] });
    const exporter = authority.issue({ names: ['DNS:exporter.test'] });
    const { tlsCa } = authority;
    const path = temporaryPath(t, 'a.ipfix');
    writeFileSync(path, Buffer.concat([TEMPLATE, data(1, 2)]));
    const { endpoint, values } = await receive(t, { ...collector, tlsCa }, protocol);
    const own = ['--tls-certificate', exporter.tlsCertificate, '--tls-key', exporter.tlsKey, '--backend', backend];
    const { code, stderr } = await ctflow(['send', path, '--collector', endpoint, '--tls-ca', tlsCa, ...own]);
    t.is(code, 0, stderr);
    await eventually('the records', () => values.length === 2);
    const { code: refused } = await ctflow(['send', path, '--collector', endpoint, '--timeout', '500ms', ...own]);
    t.is(refused, 1);
    t.is(values.length, 2);
  });
}
