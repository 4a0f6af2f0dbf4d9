import test, { type ExecutionContext } from 'ava';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import type { Checks } from '../../src/daemon/health/checks.js';
import { Monitoring } from '../../src/daemon/monitoring.js';
import { Readiness } from '../../src/daemon/readiness.js';
import { PressureCensus } from '../../src/daemon/metrics/pressure-census.js';
import { TableGrowth } from '../../src/daemon/table-growth.js';
import { DESTINATION_DEFAULTS, type DestinationOptions } from '../../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { udp } from '../helpers/builders/connections.js';
import { eventually } from '../helpers/eventually.js';
import { samplesOf } from '../helpers/exposition.js';
import { udpCollector } from '../helpers/fakes/collector-socket.js';
import { FakeSource } from '../helpers/fakes/fake-source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { needs } from '../helpers/kernel/require.js';
import { certificates } from '../helpers/tls/certificates.js';
import { Peer } from '../helpers/tls/peer.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';

const LATER = Date.now() + 3_600_000;

interface Rig {
  readonly exporter: Exporter;
  readonly monitoring: Monitoring;
  readonly source: FakeSource;
  open(): Promise<void>;
  scrape(): Promise<Map<string, number>>;
}

/** The status, and the checks that fail with what they say. */
async function health(monitoring: Monitoring, path: string): Promise<[status: number, failed: string[]]> {
  const answer = await fetch(`${monitoring.url}${path}`);
  const { status, checks } = (await answer.json()) as { status: string; checks: Checks };
  const failed = Object.entries(checks).filter(([, one]) => one.status !== 'ok');
  if ((status === 'ok') !== (answer.status === 200)) throw new Error(`${status} with ${answer.status}`);
  return [answer.status, failed.map(([name, { message }]) => `${name}: ${message}`)];
}

/** An exporter that is watched, and not opened yet. */
async function rig(t: ExecutionContext, changed: readonly Partial<DestinationOptions>[]): Promise<Rig> {
  const { log } = listeningLogger();
  const monitoring = await Monitoring.open({ host: '127.0.0.1', port: 0 }, log);
  t.teardown(() => monitoring.close());
  const source = new FakeSource([{ connections: [] }]);
  const destinations = changed.map((one, i) => ({
    ...DESTINATION_DEFAULTS,
    endpoint: { protocol: 'udp', host: '127.0.0.1', port: 4739 } as const,
    observationDomain: i + 1,
    activeFlowExportTimeout: 30,
    name: `number ${i}`,
    ...one,
  }));
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    maxConnections: 1_000,
    backend: createFallbackBackend(),
    source,
    destinations,
    pollHooks: [monitoring.pollHook],
    log,
  });
  let opened = false;
  t.teardown(async () => void (opened && (await exporter.close())));
  const open = async (): Promise<void> => {
    opened = true;
    await exporter.open();
  };
  const readiness = new Readiness(() => exporter.stats());
  const starting = await fetch(`${monitoring.url}/metrics`);
  t.is(starting.status, 503, 'nothing is watched yet');
  t.deepEqual(await health(monitoring, '/livez'), [200, []], 'it lives before it has begun');
  t.deepEqual(await health(monitoring, '/readyz'), [503, ['started: waits for the exporter']]);
  const pressure = new PressureCensus({ stored: exporter.stored, growth: new TableGrowth() });
  monitoring.watch({ exporter, source, readiness, pressure });
  const scrape = async (): Promise<Map<string, number>> => {
    const answer = await fetch(`${monitoring.url}/metrics`);
    t.is(answer.status, 200);
    t.is(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    return samplesOf(await answer.text());
  };
  return { exporter, monitoring, source, open, scrape };
}

test('a scrape has what the exporter counts, from before its first poll on', async t => {
  const collector = await udpCollector(t);
  const { exporter, source, open, scrape } = await rig(t, [{ endpoint: collector.endpoint, name: 'main' }]);
  t.is((await scrape()).get('ctflow_polls_total'), 0);
  source.next({ connections: [udp(1, LATER, [5, 500, 0, 0]), udp(2, LATER, [5, 500, 0, 0])] });
  await open();
  await eventually('records', () => exporter.stats().destinations[0].transport.records >= 2);
  const samples = await scrape();
  t.is(samples.get('ctflow_stored_connections'), 2);
  t.is(samples.get('ctflow_connections_added_total'), 2);
  t.is(samples.get('ctflow_destination_connected{destination="main"}'), 1);
  t.true(samples.get('ctflow_destination_sent_records_total{destination="main"}')! >= 2);
  t.true(samples.get('ctflow_poll_duration_seconds_count')! >= 1);
  t.true(samples.get('ctflow_process_resident_memory_bytes')! > 1e7);
  t.true(samples.get('ctflow_process_cpu_seconds_total{mode="user"}')! > 0);
  t.true(Math.abs(samples.get('ctflow_process_start_time_seconds')! - Date.now() / 1000) < 86_400);
  const info = [...samples.keys()].find(name => name.startsWith('ctflow_info'))!;
  t.regex(info, /\{version="\d+\.\d+\.\d+",node="\d+\.\d+\.\d+",backend="fallback",source="netlink"\}/);
});

test('without a destination connections are polled and counted, and what has ended takes no room', async t => {
  const { exporter, source, open, scrape } = await rig(t, []);
  source.next({ connections: [udp(1, LATER, [5, 500, 0, 0]), udp(2, LATER, [5, 500, 0, 0])] });
  await open();
  t.is((await scrape()).get('ctflow_stored_connections'), 2);
  source.next({ connections: [udp(2, LATER, [5, 500, 0, 0])] });
  await eventually('the end', () => exporter.stats().connections === 1);
  source.next({ connections: [] });
  await eventually('both ends', () => exporter.stats().connections === 0);
  t.is((await scrape()).get('ctflow_connections_added_total'), 2);
  t.is(await exporter.close(), 0, 'nothing is left unexported');
});

test('a collector that is away fails the health, and neither liveness nor readiness', async t => {
  const closed = { protocol: 'tcp', host: '127.0.0.1', port: 9 } as const;
  const { monitoring, open } = await rig(t, [{ endpoint: closed, name: 'main' }]);
  const waits = 'started: waits for the first poll, a first attempt at tcp://127.0.0.1:9';
  t.deepEqual(await health(monitoring, '/readyz'), [503, [waits]]);
  await open();
  await eventually('it is ready', async () => (await health(monitoring, '/readyz'))[0] === 200);
  t.deepEqual(await health(monitoring, '/livez'), [200, []]);
  const away = 'destination main: tcp://127.0.0.1:9 is not connected';
  t.deepEqual(await health(monitoring, '/healthz'), [503, [away]]);
});

test('health is well while a collector is there, and readiness ends when ctflow stops', async t => {
  const collector = await udpCollector(t);
  const { monitoring, open } = await rig(t, [{ endpoint: collector.endpoint, name: 'main' }]);
  await open();
  t.deepEqual(await health(monitoring, '/healthz'), [200, []]);
  monitoring.stopping();
  t.deepEqual(await health(monitoring, '/readyz'), [503, ['running: ctflow stops']]);
  t.deepEqual(await health(monitoring, '/livez'), [200, []]);
});

test('all who ask at the same time get the same answer', async t => {
  const { monitoring } = await rig(t, []);
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => (await fetch(`${monitoring.url}/metrics`)).text()),
  );
  t.true(answers.every(answer => answer.includes('ctflow_polls_total 0\n')));
});

needs(test, ['openssl'])('certificates that ctflow reads are there with their end', async t => {
  const { ours, exporter: own } = certificates();
  const { scrape } = await rig(t, [
    { name: 'secured', tlsCa: ours.tlsCa, ...own, endpoint: { protocol: 'tls', host: '127.0.0.1', port: 9 } },
    { name: 'broken', tlsCa: '/nowhere.pem' },
  ]);
  const samples = await scrape();
  for (const [setting, file] of [
    ['tlsCa', ours.tlsCa],
    ['tlsCertificate', own.tlsCertificate],
  ]) {
    const expires = Date.parse(new X509Certificate(readFileSync(file)).validTo) / 1000;
    const labels = `destination="secured",setting="${setting}",file="${file}"`;
    t.is(samples.get(`ctflow_certificate_expiry_timestamp_seconds{${labels}}`), expires);
  }
  t.is([...samples.keys()].filter(name => name.includes('certificate')).length, 2);
});

needs(test, ['openssl'])('the end of the certificate that a collector shows is there once it has shown it', async t => {
  const { ours, collector } = certificates();
  const peer = await Peer.listen(t, { allowHalfOpen: false });
  const endpoint = { protocol: 'tls', host: QUIET_HOST, port: peer.port } as const;
  const { exporter, open, scrape } = await rig(t, [{ name: 'secured', tlsCa: ours.tlsCa, endpoint }]);
  const name = 'ctflow_destination_certificate_expiry_timestamp_seconds{destination="secured"}';
  t.false((await scrape()).has(name));
  await open();
  await eventually('a session', () => exporter.stats().destinations[0].connected);
  const expires = Date.parse(new X509Certificate(readFileSync(collector.tlsCertificate)).validTo);
  t.is((await scrape()).get(name), expires / 1000);
  t.is(exporter.stats().destinations[0].certificateExpires, expires);
});
