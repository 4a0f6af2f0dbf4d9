/** The rules and the dashboard of examples/monitoring. A real Prometheus has them in test/integration/alerts.test.ts. */
import test from 'ava';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { METRIC_GROUPS } from '../../../src/daemon/metrics/exposition.js';
import { TIMING_METRICS } from '../../../src/daemon/metrics/timings.js';
import { needs, PATH } from '../../helpers/kernel/require.js';
import {
  ALERT_RULES,
  ALERTS,
  MONITORING,
  monitoringFile,
  NAME_RULES,
  QUERIES,
  type Rule,
} from '../../helpers/monitoring.js';
import { temporaryPath } from '../../helpers/temporary.js';

const PROGRAM = { encoding: 'utf8', env: { ...process.env, PATH } } as const;

/** Series of made-up hosts, and what fires after twenty minutes of them. */
const FIRING: readonly [alert: string, series: string, values: string, labels?: Record<string, string>][] = [
  ['ConntrackTableFilling', 'ctflow_conntrack_entries', '76x20'],
  ['ConntrackTableFull', 'ctflow_conntrack_drop_total', '0+1x20'],
  ['ConntrackTableFull', 'ctflow_conntrack_early_drop_total', '0+1x20'],
  ['ConntrackTableFullSoon', 'ctflow_conntrack_early_removal_seconds', '890x20'],
  ['ConntrackOneSource', 'ctflow_top_source_entries', '51x20', { rank: '1' }],
  ['ConntrackSnatPorts', 'ctflow_top_snat_ports', '32257x20', { rank: '1' }],
  ['ConntrackSnatPortsRunOut', 'ctflow_snat_ports_used_ratio', '0.81x20'],
  ['ConntrackSnatPortsRunOut', 'ctflow_snat_ports_exhausted_seconds', '890x20'],
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
  ctflow_conntrack_early_removal_seconds: '910x20',
  ctflow_top_source_entries: '50x20',
  ctflow_top_snat_ports: '32256x20',
  ctflow_snat_ports_used_ratio: '0.8x20',
  ctflow_snat_ports_exhausted_seconds: '910x20',
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
  const { severity } = ALERT_RULES.find(rule => rule.alert === alert)!.labels!;
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
  const all = [...ALERT_RULES, ...NAME_RULES].map(({ expr }) => expr).concat(QUERIES);
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
  const texts = ['ctflow-alerts.yaml', 'ctflow-names.yaml', 'grafana-dashboard.json'].map(monitoringFile).join('\n');
  const lists = [...texts.matchAll(/\b(?:by|on|without) \(([\w, ]+)\)/g)].flatMap(([, list]) => list.split(', '));
  const shown = [...texts.matchAll(/\{\{(?:[^}]*\$labels\.)?(\w+)[^}]*\}\}/g)].map(([, label]) => label);
  t.true(lists.length > 10 && shown.length > 20);
  t.deepEqual(
    [...lists, ...shown].filter(label => !known.has(label)),
    [],
  );
});

test('every alert is fired by the next test, by each metric that it looks at', t => {
  const beside = new Set(Object.keys(BESIDE));
  for (const { alert, expr } of ALERT_RULES) {
    const fired = FIRING.filter(([one]) => one === alert).map(([, metric]) => metric);
    const looked = (expr.match(/\b(ctflow_\w+|up\b)/g) ?? []).filter(name => !beside.has(name) || fired.includes(name));
    t.true(looked.length > 0, alert);
    t.deepEqual([...new Set(fired)].sort(), [...new Set(looked)].sort(), alert);
  }
});

needs(test, ['promtool'])('each alert fires where its metric says so, and nowhere else', t => {
  const rules = temporaryPath(t, 'alerts.yaml');
  // what promtool would want word for word
  writeFileSync(rules, JSON.stringify(withoutAnnotations(monitoringFile('ctflow-alerts.yaml'))));
  const tests = temporaryPath(t, 'tests.yaml');
  writeFileSync(
    tests,
    JSON.stringify({ rule_files: [rules], evaluation_interval: '1m', tests: FIRING.map(promtoolTest) }),
  );
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', tests], PROGRAM);
  t.is(status, 0, `${stdout}${stderr}`);
  const checked = spawnSync('promtool', ['check', 'config', `${MONITORING}prometheus.yaml`], PROGRAM);
  t.is(checked.status, 0, checked.stderr);
  t.regex(checked.stdout, /2 rule files found[^]*14 rules found[^]*17 rules found/);
});

function withoutAnnotations(yaml: string): object {
  const { groups } = parse(yaml) as { groups: { name: string; rules: (Rule & { annotations?: object })[] }[] };
  return {
    groups: groups.map(({ name, rules }) => ({ name, rules: rules.map(({ annotations: _, ...rule }) => rule) })),
  };
}
