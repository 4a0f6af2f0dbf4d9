import { ColumnTable } from '../src/common/terminal/table.js';
import type { CaseResult, Finding } from './case.js';
import type { Balance, ConnectionCount } from './balance.js';
import type { TrafficSummary } from './generator.js';
import type { Size } from './scene.js';

/** The report for machines. */
export interface ProofReport {
  readonly flows: number;
  readonly rate: number;
  readonly seed: number;
  readonly pollInterval: number;
  readonly passed: boolean;
  readonly cases: readonly CaseReport[];
}

/** A case with what its last run showed beside it; records are uncertain only where a connection broke. */
export type CaseReport = Omit<CaseResult, 'finding'> & Partial<Finding> & { readonly uncertain: number };

export function reportOf(size: Size, cases: readonly CaseResult[]): ProofReport {
  const { flows, rate, seed, pollInterval } = size;
  const passed = cases.every(({ outcome }) => outcome === 'pass');
  const flat = cases.map(({ finding, ...about }): CaseReport => ({ ...about, uncertain: 0, ...finding }));
  return { flows, rate, seed, pollInterval, passed, cases: flat };
}

const TABLE = new ColumnTable([
  { head: '', width: 16 },
  { head: 'connections', width: 11, align: 'right' },
  { head: 'packets', width: 13, align: 'right' },
  { head: 'octets', width: 17, align: 'right' },
]);

/** One case for people, with a line break at its end. */
export function formatCase({ finding, error, outcome, title, name, criterion, voidRuns }: CaseResult): string {
  return [
    `${name}: ${title}\n`,
    finding ? `  ${TABLE.header()}${findingRows(finding)}` : '',
    ...voidRuns.map(why => `  a run was void (${why})\n`),
    ...(finding?.failures ?? [error]).map(failure => `  ${failure}\n`),
    ...(outcome === 'fail' && finding ? saidOf(finding).map(said => `  the exporter: ${said}\n`) : []),
    `  ${outcome === 'void' ? 'VOID' : outcome}: ${criterion}\n`,
  ].join('');
}

function saidOf({ exporter: { complaints, summary } }: Finding): readonly string[] {
  return summary === undefined ? complaints : [...complaints, summary];
}

function findingRows(finding: Finding): string {
  const { traffic, exporter, uncertain, restartUncertain, endedWhileDown, notExported, unread, denied, notes } =
    finding;
  const facts = [
    uncertain === undefined ? '' : `uncertain ${group(uncertain)} records`,
    restartUncertain ? `uncertain after restarts ${group(restartUncertain.records)} records` : '',
    unread === undefined ? '' : `at most ${group(unread)} events unread when killed`,
    `exporter's memory at most ${group(Math.round(exporter.peakMemory / 1e6))} MB`,
    `${group(Math.round(begun(traffic) / traffic.begunSeconds))} flows a second`,
  ];
  return [
    balanceRows(finding),
    endedWhileDown ? row('ended while down', endedWhileDown) : '',
    notExported ? row('not exported', notExported) : '',
    denied ? balanceRows(denied, 'denied: ') : '',
    ...[facts.filter(Boolean).join('; '), ...notes].map(line => `  ${line}\n`),
  ].join('');
}

function balanceRows({ kernel, exported, missing, doubled }: Balance, of = ''): string {
  return [
    row(`${of}kernel`, kernel),
    row(`${of}exported`, exported),
    row(`${of}missing`, missing),
    row(`${of}doubled`, doubled),
  ].join('');
}

function row(head: string, { connections, packets, octets }: ConnectionCount): string {
  return `  ${TABLE.row([head, group(connections), group(packets), group(octets)])}`;
}

/** In words, whether nothing was missed. */
export function verdict(cases: readonly CaseResult[]): string {
  const names = (outcome: CaseResult['outcome']) =>
    cases.filter(result => result.outcome === outcome).map(({ name }) => name);
  const [failed, without] = [names('fail'), names('void')];
  if (failed.length > 0) return `Something was missed, was exported twice or did not finish: ${failed.join(', ')}.`;
  if (without.length > 0)
    return `Not proven: the kernel itself lost count in ${without.join(', ')}; try a lower --rate.`;
  const lost = cases.find(({ name }) => name === 'poll-only')?.finding?.missing.octets;
  const polling = lost === undefined ? '' : ` Polling alone missed ${group(lost)} octets.`;
  return cases.length === 1 && lost !== undefined
    ? polling.trim()
    : `Nothing was missed and nothing was exported twice, beyond what each case states.${polling}`;
}

/** All flows that were given a time by the rate. */
function begun({ flows, long, denied }: TrafficSummary): number {
  return flows - long + denied;
}

/** 1234567 as 1,234,567. */
function group(value: number): string {
  return value.toLocaleString('en-US');
}
