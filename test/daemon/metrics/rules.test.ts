/** The rules and the dashboard of examples/monitoring, by Debian's Prometheus. */
import test from 'ava';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { METRIC_GROUPS } from '../../../src/daemon/metrics/exposition.js';
import { TIMING_METRICS } from '../../../src/daemon/metrics/timings.js';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs, PATH } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

const FOLDER = fileURLToPath(new URL('../../../../examples/monitoring/', import.meta.url));
const read = (name: string): string => readFileSync(`${FOLDER}${name}`, 'utf8');

const PROGRAM = { encoding: 'utf8', env: { ...process.env, PATH } } as const;

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
}

function rulesOf(name: string): Rule[] {
  const { groups } = parse(read(name)) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

const RULES = rulesOf('ctflow-alerts.yaml');
const ALERTS = RULES.map(({ alert }) => alert!);
const NAMES = rulesOf('ctflow-names.yaml');
const DASHBOARD = JSON.parse(read('grafana-dashboard.json')) as {
  panels: { title: string; targets?: { expr: string }[] }[];
};
/** As Grafana fills them in. */
const QUERIES = DASHBOARD.panels
  .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  .map(expr => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'));

/** Series of made-up hosts, and what fires after twenty minutes of them. */
const FIRING: readonly [alert: string, series: string, values: string, labels?: Record<string, string>][] = [
  ['ConntrackTableFilling', 'ctflow_conntrack_entries', '76x20'],
  ['ConntrackTableFull', 'ctflow_conntrack_drop_total', '0+1x20'],
  ['ConntrackTableFull', 'ctflow_conntrack_early_drop_total', '0+1x20'],
  ['CtflowEventsLost', 'ctflow_lost_events_total', '0+1x20'],
  ['CtflowEventsLost', 'ctflow_nflog_lost_packets_total', '0+1x20'],
  ['CtflowCollectorSilent', 'ctflow_destination_connected', '0x20', { destination: 'main' }],
  ['CtflowSendsFail', 'ctflow_destination_errors_total', '0+1x20', { destination: 'main', error: 'ECONNREFUSED' }],
  ['CtflowRecordsLost', 'ctflow_destination_lost_records_total', '0+1x20', { destination: 'main' }],
  [
    'CtflowRecordsLost',
    'ctflow_destination_dropped_connections_total',
    '0+1x20',
    { destination: 'main', reason: 'stale' },
  ],
  ['CtflowPollsStandStill', 'ctflow_poll_behind_seconds', '61x20'],
  ['CtflowPollsStandStill', 'ctflow_incomplete_polls_total', '0+1x20'],
  ['CtflowConnectionsRefused', 'ctflow_connections_refused_total', '0+1x20'],
  ['CtflowConnectionsRefused', 'ctflow_connections_evicted_total', '0+1x20'],
  [
    'CtflowCertificateExpires',
    'ctflow_certificate_expiry_timestamp_seconds',
    '1000000x20',
    { destination: 'main', setting: 'tlsCa', file: '/ca.pem' },
  ],
  [
    'CtflowCertificateExpires',
    'ctflow_destination_certificate_expiry_timestamp_seconds',
    '1000000x20',
    { destination: 'main' },
  ],
  ['CtflowDown', 'up', '0x20'],
];
/** Of each metric above, what a host says where all is well. */
const WELL: Readonly<Record<string, string>> = {
  ctflow_conntrack_entries: '70x20',
  ctflow_destination_connected: '1x20',
  ctflow_poll_behind_seconds: '1x20',
  ctflow_certificate_expiry_timestamp_seconds: '9000000x20',
  ctflow_destination_certificate_expiry_timestamp_seconds: '9000000x20',
  up: '1x20',
};
/** Beside them, always. */
const BESIDE: Readonly<Record<string, readonly [labels: Record<string, string>, values: string]>> = {
  ctflow_conntrack_entries_limit: [{}, '100x20'],
  ctflow_destination_connected: [{ destination: 'main' }, '1x20'],
};

/** Both hosts have these labels; `bad` fires, `well` does not. */
const hostLabels = (instance: string): Record<string, string> => ({ instance, job: 'ctflow' });

function series(name: string, labels: Readonly<Record<string, string>>, values: string): object {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return { series: `${name}{${pairs.join(',')}}`, values };
}

/** A test of promtool for one row of FIRING. */
function promtoolTest([alert, name, values, labels = {}]: (typeof FIRING)[number]): object {
  const beside = Object.entries(BESIDE).filter(([other]) => other !== name);
  const hosts = ['bad', 'well'].flatMap(instance => [
    series(name, { ...hostLabels(instance), ...labels }, instance === 'bad' ? values : (WELL[name] ?? '5x20')),
    ...beside.map(([other, [more, always]]) => series(other, { ...hostLabels(instance), ...more }, always)),
  ]);
  const { reason: _, ...kept } = labels;
  const { severity } = RULES.find(rule => rule.alert === alert)!.labels!;
  return {
    interval: '1m',
    input_series: hosts,
    alert_rule_test: ALERTS.map(one => ({
      eval_time: '20m',
      alertname: one,
      exp_alerts: one === alert ? [{ exp_labels: { ...hostLabels('bad'), ...kept, severity } }] : [],
    })),
  };
}

test('every name in rules, alerts and the dashboard is one of the program', t => {
  const known = new Set(METRIC_GROUPS.flatMap(({ metrics }) => metrics.map(({ name }) => name)));
  for (const { name } of TIMING_METRICS) for (const part of ['sum', 'count', 'bucket']) known.add(`${name}_${part}`);
  const all = [...RULES, ...NAMES].map(({ expr }) => expr).concat(QUERIES);
  const used = new Set(all.flatMap(expr => expr.match(/\bctflow_\w+/g) ?? []));
  t.true(used.size > 40);
  t.deepEqual(
    [...used].filter(name => !known.has(name)),
    [],
  );
});

test('every label in rules, alerts and the dashboard is one of the program or of Prometheus', t => {
  const known = new Set(METRIC_GROUPS.flatMap(({ metrics }) => metrics.flatMap(({ labels }) => labels)));
  for (const label of ['instance', 'job', 'le']) known.add(label);
  const texts = ['ctflow-alerts.yaml', 'ctflow-names.yaml', 'grafana-dashboard.json'].map(read).join('\n');
  const lists = [...texts.matchAll(/\b(?:by|on|without) \(([\w, ]+)\)/g)].flatMap(([, list]) => list.split(', '));
  const shown = [...texts.matchAll(/\{\{(?:[^}]*\$labels\.)?(\w+)[^}]*\}\}/g)].map(([, label]) => label);
  t.true(lists.length > 10 && shown.length > 20);
  t.deepEqual(
    [...lists, ...shown].filter(label => !known.has(label)),
    [],
  );
});

test('every alert is fired by the next test', t => {
  t.deepEqual([...new Set(FIRING.map(([alert]) => alert))].sort(), ALERTS.toSorted());
});

needs(test, ['promtool'])('each alert fires where its metric says so, and nowhere else', t => {
  const rules = temporaryPath(t, 'alerts.yaml');
  // what promtool would want word for word
  writeFileSync(rules, JSON.stringify(withoutAnnotations(read('ctflow-alerts.yaml'))));
  const tests = temporaryPath(t, 'tests.yaml');
  writeFileSync(
    tests,
    JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests: FIRING.map(promtoolTest) }),
  );
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', tests], PROGRAM);
  t.is(status, 0, `${stdout}${stderr}`);
  const checked = spawnSync('promtool', ['check', 'config', `${FOLDER}prometheus.yaml`], PROGRAM);
  t.is(checked.status, 0, checked.stderr);
  t.regex(checked.stdout, /2 rule files found[^]*10 rules found[^]*17 rules found/);
});

interface Answer {
  readonly data: { readonly result: { metric: Record<string, string>; value: [number, string] }[]; alerts: object[] };
  readonly status: string;
  readonly error?: string;
}

needs(test, ['prometheus', 'namespace', ...BACKENDS[0].needs])(
  'a real Prometheus scrapes ctflow, takes rules and dashboard, and fires for a collector that is away',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const flags = '--metrics 127.0.0.1:9469 --config none';
    const exporter = await startExporter(namespace, BACKENDS[0].name, ['tcp://127.0.0.1:4740'], flags);
    const config = temporaryPath(t, 'prometheus.yaml');
    const alerts = temporaryPath(t, 'ctflow-alerts.yaml');
    // nobody waits for minutes here
    writeFileSync(alerts, read('ctflow-alerts.yaml').replaceAll(/\bfor: \w+/g, 'for: 0s'));
    const quick = read('prometheus.yaml').replaceAll('15s', '300ms').replace('ctflow-alerts.yaml', alerts);
    writeFileSync(config, quick.replace('ctflow-names.yaml', `${FOLDER}ctflow-names.yaml`));
    const storage = `--storage.tsdb.path=${temporaryPath(t, 'data')}`;
    const prometheus = namespace.spawn('prometheus', [
      `--config.file=${config}`,
      storage,
      '--web.listen-address=127.0.0.1:9090',
    ]);
    let said = '';
    prometheus.stderr.on('data', chunk => (said += String(chunk)));
    /** Asks until each answer is what it should be like. */
    const ask = async (paths: readonly string[], like = '.'): Promise<Answer[]> => {
      const script = `const ask = async path => (await fetch('http://127.0.0.1:9090/api/v1/' + path)).json();
        for (const end = Date.now() + 60000; ; await new Promise(resolve => setTimeout(resolve, 200))) {
          const answers = JSON.stringify(await Promise.all(${JSON.stringify(paths)}.map(ask)).catch(() => ''));
          if (!${new RegExp(like)}.test(answers) && Date.now() < end) continue;
          console.log(answers);
          break;
        }`;
      return JSON.parse(await namespace.run(process.execPath, ['--input-type=module', '-e', script])) as Answer[];
    };
    const query = (expr: string): string => `query?query=${encodeURIComponent(expr)}`;
    const firing = '"CtflowCollectorSilent".*"firing"';
    t.regex(JSON.stringify(await ask(['alerts'], firing)), new RegExp(firing), said);
    for (const [i, answer] of (await ask(QUERIES.map(query))).entries())
      t.is(answer.status, 'success', `${QUERIES[i]}: ${answer.error}`);
    // what is there on any kernel, by the names of others
    const there = NAMES.filter(({ expr }) => !/denied/.test(expr));
    const names = there.map(({ record }) => query(record!));
    for (const [i, { data }] of (await ask(names, '^(?!.*"result":\\[\\])')).entries())
      t.is(data.result.length, 1, there[i].record);
    prometheus.kill();
    await once(prometheus, 'exit');
    await exporter.stop();
  },
);

function withoutAnnotations(yaml: string): object {
  const { groups } = parse(yaml) as { groups: { name: string; rules: (Rule & { annotations?: object })[] }[] };
  return {
    groups: groups.map(({ name, rules }) => ({ name, rules: rules.map(({ annotations: _, ...rule }) => rule) })),
  };
}
