/** The files of examples/monitoring. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const MONITORING = fileURLToPath(new URL('../../../examples/monitoring/', import.meta.url));

export const monitoringFile = (name: string): string => readFileSync(`${MONITORING}${name}`, 'utf8');

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
}

function rulesOf(name: string): Rule[] {
  const { groups } = parse(monitoringFile(name)) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export const ALERT_RULES = rulesOf('ctflow-alerts.yaml');
export const ALERTS = ALERT_RULES.map(({ alert }) => alert!);
/** Recording rules. */
export const NAME_RULES = rulesOf('ctflow-names.yaml');

const DASHBOARD = JSON.parse(monitoringFile('grafana-dashboard.json')) as {
  panels: { title: string; targets?: { expr: string }[] }[];
};
/** Those of the dashboard, as Grafana fills them in. */
export const QUERIES = DASHBOARD.panels
  .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  .map(expr => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'));
