import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { Collector } from '../../../src/collector/collector.js';
import type { TlsListenerOptions } from '../../../src/transport/tls-options.js';
import { backends } from '../../helpers/backends.js';
import { message, set, templateSet, u32 } from '../../helpers/builders/ipfix-builder.js';
import { eventually } from '../../helpers/eventually.js';
import { anyCollector, ctflow, spawnCtflow } from '../../helpers/kernel/cli.js';
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

test('send: why a collector takes nothing is said once, and what it means', async t => {
  const path = temporaryPath(t, 'a.ipfix');
  // more than go out before the first errors are back
  writeFileSync(path, Buffer.concat([TEMPLATE, ...Array.from({ length: 300 }, () => data(1, 2, 3, 4))]));
  // nobody can listen there
  const to = ['--collector', 'udp://127.0.0.1:1', '--max-rate', '100', '--timeout', '5s'];
  const flags = [...to, '--backend', backend];
  const { code, stderr } = await ctflow(['send', path, ...flags]);
  t.is(code, 1);
  t.deepEqual(stderr.match(/.*trying again.*/g), [
    'ctflow: udp://127.0.0.1:1: nobody listens there (ECONNREFUSED); trying again',
  ]);
  t.regex(stderr, /CTFLOW_TRANSPORT: .* has taken nothing for 5 s: nobody listens there \(ECONNREFUSED\)\. /);
});

for (const [command, flags] of [
  ['send', ['flows.ipfix', '--collector', 'tls://127.0.0.1:4740']],
  ['collect', ['--listen', 'tls://127.0.0.1:0']],
] as const) {
  test(`${command}: all that is wrong with TLS is said at once`, async t => {
    const wrong = ['--tls-certificate', '/no/such/certificate', '--tls-ca', '/no/such/ca'];
    const { code, stderr } = await ctflow([command, ...flags, ...wrong]);
    t.not(code, 0);
    t.regex(stderr, /--tls-key/);
    t.regex(stderr, /'\/no\/such\/certificate' cannot be used: ENOENT/);
    t.regex(stderr, /'\/no\/such\/ca' cannot be used: ENOENT/);
  });
}

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
    // as long as a handshake takes on a busy machine
    const child = spawnCtflow(['send', path, '--collector', endpoint, '--timeout', '1h', ...own]);
    t.teardown(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', text => (said += String(text)));
    const closed = once(child, 'close');
    await eventually('the reason', () => said.includes('trying again'));
    child.kill('SIGTERM');
    t.is((await closed)[0], 1, said);
    t.is(values.length, 2);
    const meaning = "the collector's certificate is of an authority that is not trusted here \\(--tls-ca\\) \\(\\w+\\)";
    t.regex(said, new RegExp(`ctflow: ${endpoint}: ${meaning}; trying again\n`));
  });
}
