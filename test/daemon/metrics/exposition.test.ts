import test, { type ExecutionContext } from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import type { ExporterStats } from '../../../src/exporter.js';
import type { CensusCounts } from '../../../src/daemon/metrics/census.js';
import { exposition, expositionOfEach, METRIC_GROUPS, type Snapshot } from '../../../src/daemon/metrics/exposition.js';
import type { PressureFigures } from '../../../src/daemon/metrics/pressure-metrics.js';
import type { PressureGroups } from '../../../src/daemon/top/pressure-page.js';
import type { ProcessFigures } from '../../../src/daemon/metrics/process-metrics.js';
import { metricsPage } from '../../../src/daemon/metrics/reference-page.js';
import { CPU_COUNTERS, type CpuCounter } from '../../../src/sources/table-statistics.js';
import { Timings } from '../../../src/daemon/metrics/timings.js';
import { fullRecorderStatistics, fullStatistics } from '../../helpers/fakes/full-statistics.js';
import { samplesOf, typesOf } from '../../helpers/exposition.js';

const CERTIFICATE = { destination: 'main', setting: 'tlsCa', file: '/etc/ca.pem', expires: 1_900_000_000 } as const;

const KERNEL = {
  entries: 11,
  limit: 12,
  counters: Object.fromEntries(CPU_COUNTERS.map((name, i) => [name, 2 ** 33 + i])) as Record<CpuCounter, number>,
};
const CENSUS: CensusCounts = {
  byState: [['tcp', 'ESTABLISHED', 'ipv6', 13]],
  byZone: [['other', 14]],
  offloaded: 9,
  suspect: 4,
};
const groupOf = (...lines: [name: string, entries: number][]): PressureGroups => ({
  count: lines.length,
  entries: 0,
  leftOut: 0,
  lines: lines.map(([name, entries]) => ({ name, entries })),
});
/** @param first of its numbers */
function pressure(first: number): PressureFigures {
  return {
    forecast: { rate: first, span: 1, removesIn: (first + 1) * 1_000, fullIn: (first + 2) * 1_000 },
    groups: {
      source: groupOf(['192.0.2.1', first + 3], ['192.0.2.2', 2]),
      destination: groupOf(['192.0.2.1', first + 4]),
      timeout: groupOf(['1m-2m', first + 5]),
      snat: { ...groupOf(), lines: [{ name: 'udp', entries: first + 6, free: first + 7 }] },
    },
    ports: {
      fullest: { line: { name: 'udp', entries: 1 }, share: first + 8 },
      soonest: { name: 'udp', entries: 1, exhaustedIn: (first + 9) * 1_000 },
    },
  };
}
const FIGURES: ProcessFigures = {
  backend: 'native',
  source: 'netlink',
  certificates: [CERTIFICATE],
  logLinesDropped: 17,
  namespaces: { read: 101, refused: 102, retired: 103, unexported: 104 },
};

function expose(exporter: ExporterStats, changed: Partial<Omit<Snapshot, 'exporter'>> = {}): Promise<string> {
  const recorder = fullRecorderStatistics();
  const read = { process: FIGURES, kernel: KERNEL, census: CENSUS, pressure: pressure(71), recorder };
  return exposition({ exporter, ...read, ...changed });
}

/** Every number of the statistics, by its path. */
function numbersIn(value: unknown, path = ''): [path: string, number: number][] {
  if (typeof value === 'number') return [[path.slice(1), value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`));
}

/** What metrics have in another form: base units, sums, and what queries make. */
const OTHERWISE: Readonly<Record<string, (stats: ExporterStats) => number | undefined>> = {
  'poll.interval': ({ poll }) => poll.interval / 1000,
  'poll.behind': ({ poll }) => poll.behind / 1000,
  'poll.share': ({ poll }) => poll.share / 100,
  // of two destinations
  'destinations.0.certificateExpires': ({ destinations }) => destinations[0].certificateExpires! / 1000,
  'destinations.1.certificateExpires': ({ destinations }) => destinations[1].certificateExpires! / 1000,
  'owners.cpu': ({ owners }) => owners!.cpu / 1000,
  'inventory.loadedAt': ({ inventory }) => inventory!.loadedAt / 1000,
  'kubernetes.contactAt': ({ kubernetes }) => kubernetes!.contactAt / 1000,
  'geoip.asn.loadedAt': ({ geoip }) => geoip!.asn!.loadedAt / 1000,
  'geoip.asn.builtAt': ({ geoip }) => geoip!.asn!.builtAt / 1000,
  'geoip.country.loadedAt': ({ geoip }) => geoip!.country!.loadedAt / 1000,
  'geoip.country.builtAt': ({ geoip }) => geoip!.country!.builtAt / 1000,
  // of all destinations together
  recordsExported: () => undefined,
};
for (const name of ['created', 'updated', 'destroyed', 'filtered', 'malformed', 'ignored', 'truncated'] as const) {
  const sum = ({ events }: ExporterStats): number => events![name] + events!.changes![name];
  Object.assign(OTHERWISE, { [`events.${name}`]: sum, [`events.changes.${name}`]: sum });
}

test('every number of the statistics is in a metric, and each moves with it', async t => {
  for (const first of [1_001, 50_001]) {
    const stats = fullStatistics(first);
    const values = new Set(samplesOf(await expose(stats)).values());
    for (const [path, number] of numbersIn(stats)) {
      const expected = Object.hasOwn(OTHERWISE, path) ? OTHERWISE[path](stats) : number;
      if (expected !== undefined) t.true(values.has(expected), path);
    }
  }
});

test('every number of the flight recorder is in a metric, and each moves with it', async t => {
  for (const first of [90_001, 95_001]) {
    const stats = fullRecorderStatistics(first);
    const values = new Set(samplesOf(await expose(fullStatistics(), { recorder: stats })).values());
    for (const [path, number] of numbersIn(stats))
      t.true(values.has(['span', 'cpu'].includes(path) ? number / 1000 : number), path);
  }
});

test('each number of the statistics is looked at by a test of what counts it', t => {
  const tests = new URL('../../../../test/', import.meta.url);
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'));
  const others = files.filter(name => !/(full-statistics|exposition\.test)\.ts$/.test(name));
  const words = new Set(others.flatMap(name => readFileSync(new URL(name, tests), 'utf8').match(/[\w-]+/g) ?? []));
  const numbers = [...numbersIn(fullStatistics()), ...numbersIn(fullRecorderStatistics())];
  // an error or a template by its name is one of many
  const names = numbers.map(([path]) => path.split('.').findLast(part => /^[a-z][a-zA-Z-]+$/.test(part))!);
  t.true(new Set(names).size > 80);
  t.deepEqual(
    [...new Set(names)].filter(name => !words.has(name)),
    [],
  );
});

test('of several network namespaces each has its label, and what is of the process has none', async t => {
  const of = (netns: string, first: number) => {
    const exporter = fullStatistics(first);
    return { netns, exporter, kernel: KERNEL, census: CENSUS, pressure: pressure(71) };
  };
  const [blue, green] = [of('blue', 1_001), of('green', 50_001)];
  const text = await expositionOfEach({ process: FIGURES, recorder: fullRecorderStatistics() }, [blue, green]);
  const samples = samplesOf(text);
  t.like(Object.fromEntries(samples), {
    ctflow_namespaces: 101,
    ctflow_namespaces_refused: 102,
    ctflow_namespaces_retired_total: 103,
    ctflow_namespaces_retired_unexported_records_total: 104,
    ctflow_log_lines_dropped_total: 17,
    'ctflow_polls_total{netns="blue"}': blue.exporter.poll.polls,
    'ctflow_polls_total{netns="green"}': green.exporter.poll.polls,
    'ctflow_conntrack_entries{netns="green"}': KERNEL.entries,
  });
  const one = await expose(fullStatistics(1_001));
  const names = (all: ReadonlyMap<string, number>) => new Set([...all.keys()].map(name => name.replace(/\{.*/, '')));
  const labelled = names(samples);
  const lacking = [...names(samplesOf(one))].filter(name => !labelled.has(name));
  t.deepEqual(lacking, []);
});

/** One metric of each kind and section, so that a number does not stand under a wrong name. */
const NAMED: Readonly<Record<string, (stats: ExporterStats) => number>> = {
  ctflow_removed_destinations_total: ({ removed }) => removed!.destinations,
  ctflow_removed_destination_lost_records_total: ({ removed }) => removed!.lostRecords,
  ctflow_log_lines_dropped_total: () => 17,
  ctflow_conntrack_entries: () => KERNEL.entries,
  ctflow_conntrack_entries_limit: () => KERNEL.limit,
  ctflow_conntrack_found_total: () => KERNEL.counters.found,
  ctflow_conntrack_chaintoolong_total: () => KERNEL.counters.chainTooLong,
  'ctflow_connections{protocol="tcp",state="ESTABLISHED",family="ipv6"}': () => 13,
  'ctflow_zone_connections{zone="other"}': () => 14,
  ctflow_conntrack_growth_entries_per_second: () => 71,
  ctflow_conntrack_early_removal_seconds: () => 72,
  ctflow_conntrack_full_seconds: () => 73,
  'ctflow_top_source_entries{rank="1"}': () => 74,
  'ctflow_top_source_entries{rank="2"}': () => 2,
  'ctflow_top_destination_entries{rank="1"}': () => 75,
  'ctflow_timeout_entries{left="1m-2m"}': () => 76,
  'ctflow_top_snat_ports{rank="1"}': () => 77,
  'ctflow_top_snat_ports_free{rank="1"}': () => 78,
  ctflow_snat_ports_used_ratio: () => 79,
  ctflow_snat_ports_exhausted_seconds: () => 80,
  ctflow_polls_total: ({ poll }) => poll.polls,
  'ctflow_poll_skipped_entries_total{reason="resized"}': ({ poll }) => poll.skipped['resized'],
  ctflow_stored_connections: ({ connections }) => connections,
  ctflow_connections_evicted_total: ({ store }) => store.evicted,
  ctflow_connections_refused_total: ({ store }) => store.refused,
  ctflow_late_bytes_total: ({ store }) => store.late.octets,
  'ctflow_events_total{kind="destroy"}': ({ events }) => events!.destroyed + events!.changes!.destroyed,
  'ctflow_event_overruns_total{socket="change"}': ({ events }) => events!.changes!.overrun,
  ctflow_lost_events_total: ({ events }) => events!.lost,
  'ctflow_event_guard_info{guard="filter"}': () => 1,
  ctflow_denied_flows: ({ denied }) => denied!.flows,
  ctflow_nflog_lost_packets_total: ({ denied }) => denied!.nflog!.lost,
  'ctflow_nat_events_total{kind="delete"}': ({ nat }) => nat!.deleted,
  'ctflow_state_ends_total{outcome="without_identity"}': ({ state }) => state!.ends.withoutIdentity,
  'ctflow_route_missing_interfaces_total{reason="ambiguous"}': ({ routes }) => routes!.ambiguous,
  'ctflow_owner_unknown_total{reason="zone"}': ({ owners }) => owners!.inZone,
  'ctflow_inventory_entries{kind="pod_prefix"}': ({ inventory }) => inventory!.podPrefixes,
  'ctflow_kubernetes_objects{kind="service"}': ({ kubernetes }) => kubernetes!.services,
  ctflow_kubernetes_watched_kinds: ({ kubernetes }) => kubernetes!.watched,
  'ctflow_recorder_dropped_events_total{reason="disk"}': () => fullRecorderStatistics().droppedEvents.disk,
  'ctflow_recorder_conditions_total{condition="table_fill"}': () => fullRecorderStatistics().conditions['table-fill'],
  'ctflow_recordings_total{outcome="failed"}': () => fullRecorderStatistics().failedRecordings,
  ctflow_names_overflow_total: ({ names }) => names.overflow,
  'ctflow_destination_info{destination="lab",endpoint="udp://lab:4739"}': () => 1,
  'ctflow_destination_connected{destination="main"}': () => 1,
  'ctflow_destination_udp_segmentation{destination="lab"}': () => 1,
  'ctflow_destination_queued_connections{destination="main"}': ({ destinations }) => destinations[0].ended,
  'ctflow_destination_sent_records_total{destination="lab"}': ({ destinations }) => destinations[1].transport.records,
  'ctflow_destination_sent_bytes_total{destination="lab"}': ({ destinations }) => destinations[1].transport.octets,
  'ctflow_destination_sent_messages_total{destination="lab"}': ({ destinations }) => destinations[1].transport.messages,
  'ctflow_destination_reconnections_total{destination="main"}': ({ destinations }) =>
    destinations[0].transport.connects - 1,
  'ctflow_destination_errors_total{destination="main",error="EPERM"}': ({ destinations }) =>
    destinations[0].transport.errors['EPERM'],
  'ctflow_destination_dropped_connections_total{destination="main",reason="evicted"}': ({ destinations }) =>
    destinations[0].evictedUnreported.connections,
  'ctflow_destination_dropped_bytes_total{destination="main",reason="overflow"}': ({ destinations }) =>
    destinations[0].endedOverflow.octets,
  'ctflow_destination_lost_records_total{destination="main"}': ({ destinations }) =>
    destinations[0].transport.lostRecords,
  'ctflow_certificate_expiry_timestamp_seconds{destination="main",setting="tlsCa",file="/etc/ca.pem"}': () =>
    CERTIFICATE.expires,
};

test('a metric has the number that its name says', async t => {
  const stats = fullStatistics();
  const samples = samplesOf(await expose(stats));
  for (const [name, expected] of Object.entries(NAMED)) t.is(samples.get(name), expected(stats), name);
});

/** That are the same always, or have a test of their own. */
const STEADY = /^ctflow_(\w+_)?info$|^ctflow_process_|^ctflow_destination_(connected|udp_segmentation)$/;

test('each metric moves with what it counts', async t => {
  const linesOf = (text: string): Map<string, string> => {
    const names = METRIC_GROUPS.flatMap(({ metrics }) => metrics.map(({ name }) => name));
    const lines = text.split('\n');
    return new Map(names.map(name => [name, lines.filter(line => line.split(/[ {]/)[0] === name).join('\n')]));
  };
  const before = linesOf(await expose(fullStatistics()));
  const certificates = [{ ...CERTIFICATE, expires: CERTIFICATE.expires + 1 }];
  const counters = Object.fromEntries(Object.entries(KERNEL.counters).map(([name, value]) => [name, value + 1]));
  const after = linesOf(
    await expose(fullStatistics(50_001), {
      process: {
        ...FIGURES,
        certificates,
        logLinesDropped: 18,
        namespaces: { read: 105, refused: 106, retired: 107, unexported: 108 },
      },
      kernel: { entries: 12, limit: 13, counters: counters as typeof KERNEL.counters },
      census: { byState: [['tcp', 'ESTABLISHED', 'ipv6', 14]], byZone: [['other', 15]], offloaded: 12, suspect: 5 },
      pressure: pressure(81),
      recorder: fullRecorderStatistics(95_001),
    }),
  );
  const still = [...before].filter(([name, lines]) => lines === '' || lines === after.get(name)).map(([name]) => name);
  t.deepEqual(
    still.filter(name => !STEADY.test(name)),
    [],
  );
});

test('what is there or not is 1 or 0', async t => {
  const stats = fullStatistics();
  const away = { ...stats.destinations[0], connected: false, udpSegmentation: false };
  const samples = samplesOf(await expose({ ...stats, destinations: [away] }));
  t.is(samples.get('ctflow_destination_connected{destination="main"}'), 0);
  t.is(samples.get('ctflow_destination_udp_segmentation{destination="main"}'), 0);
});

test('names follow the rules of Prometheus, and each metric has a sample and a help', async t => {
  const text = await expose(fullStatistics());
  const types = typesOf(text);
  const all = METRIC_GROUPS.flatMap(({ metrics }) => metrics);
  t.deepEqual(
    all.map(({ name }) => name),
    [...types.keys()],
  );
  for (const { name, type, labels, help } of all) {
    t.regex(name, /^ctflow_[a-z0-9]+(_[a-z0-9]+)*$/);
    t.is(name.endsWith('_total'), type === 'counter', name);
    t.is(types.get(name), type);
    t.notRegex(name, /_(octets|milliseconds|ms|percent)(_|$)/, 'base units');
    t.regex(help, /\.$/, name);
    for (const label of labels) t.regex(label, /^[a-z_]+$/);
  }
});

test('what is not there has no metric', async t => {
  const {
    events,
    pendingEvents,
    state,
    denied,
    nat,
    routes,
    owners,
    inventory,
    kubernetes,
    geoip,
    dns,
    namespacesLeft,
    removed,
    ...rest
  } = fullStatistics();
  const text = await expose(
    { ...rest, destinations: [] },
    { recorder: undefined, process: { ...FIGURES, namespaces: undefined } },
  );
  const optional =
    /ctflow_(\w*event_|\w*events_|denied|nflog|nat|state|route|owner|inventory|kubernetes|geoip|dns|destination|removed|namespaces|lost|unread|resync|poll_only|record(er|ings))/;
  const found = [...typesOf(text).keys()].filter(name => optional.test(name));
  t.deepEqual(found, ['ctflow_repeated_events_total']);
});

test('labels are written as the format wants it, whatever is in them', async t => {
  const stats = fullStatistics();
  const odd = { ...stats.destinations[0], name: 'a"b\\c\nd' };
  const text = await expose({ ...stats, destinations: [odd] });
  t.true(text.includes('ctflow_destination_connected{destination="a\\"b\\\\c\\nd"} 1\n'));
});

test('polls are timed, and so is the event loop', async t => {
  const timings = new Timings();
  t.teardown(() => timings.close());
  const { beforeDump, afterPoll } = timings.pollHook;
  beforeDump!();
  await new Promise(resolve => setTimeout(resolve, 30));
  await afterPoll!(true);
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  timings.register(registry);
  // whoever holds the process up is seen
  for (const end = performance.now() + 120; performance.now() < end;);
  await new Promise(resolve => setTimeout(resolve, 100));
  const samples = samplesOf(await registry.metrics());
  t.is(samples.get('ctflow_poll_duration_seconds_count'), 1);
  t.true(samples.get('ctflow_poll_duration_seconds_sum')! >= 0.029);
  t.is(samples.get('ctflow_poll_duration_seconds_bucket{le="0.025"}'), 0);
  t.true(samples.get('ctflow_event_loop_delay_seconds_count')! >= 1);
  t.true(samples.get('ctflow_event_loop_delay_seconds_sum')! >= 0.05);
});

test('the page of metrics is that of the program: npm run generate', (t: ExecutionContext) => {
  t.is(readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8'), metricsPage());
});
