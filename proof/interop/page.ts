import { flagsOf } from './dialect.js';
import { natFlagsOf } from './exported.js';
import type { Comparison } from './compare.js';
import type { Dialect } from './dialect.js';

/** What became of one taker; `left` says why it was left out. */
export interface TakerResult {
  readonly name: string;
  readonly run: string;
  readonly dialect: Dialect;
  readonly version?: string;
  readonly comparison?: Comparison;
  readonly left?: string;
}

/** What a taker has made of events of a NAT. */
export interface NatResult {
  readonly name: string;
  readonly dialect: Dialect;
  readonly version: string;
  readonly comparison: Comparison;
}

/** What became of an exporter that ctflow's collector has read. */
export interface ExporterResult {
  readonly name: string;
  readonly run: string;
  readonly version?: string;
  readonly comparison?: Comparison;
  readonly left?: string;
}

/** Programs that nobody outside can run, or that are not packaged where this is made. */
const UNTESTED = [
  ['Splunk Stream, ElastiFlow', 'closed'],
  ['Logstash, Telegraf, the OpenTelemetry netflowreceiver, flowlogs-pipeline', 'not packaged here'],
] as const;

/** docs/interop.md. */
export function pageOf(
  takers: readonly TakerResult[],
  ofNat: readonly NatResult[],
  exporters: readonly ExporterResult[],
): string {
  return `# Interoperability

Made by \`npm run proof:interop -- --write\`. Each program gets what ctflow sends, with the flags that [docs/collectors.md](collectors.md) names for
it, a connection of each kind, and is asked what it has read. An element is **right** where each record that the program has read has
its value, **ignored** where the program shows it in none, else **wrong**. \`.\` is not sent to it. Records of options count too.

## What takes ctflow's records

${table(
  ['program', 'version', 'as', 'flags of ctflow', 'records read'],
  takers.map(({ name, version = '', run, dialect, comparison, left }) => [
    name,
    version,
    run,
    `\`${flagsOf(dialect)}\``,
    comparison ? `${comparison.read} of ${comparison.sent}` : `left out: ${left}`,
  ]),
)}

${verdicts(takers)}

Untested: ${UNTESTED.map(([names, why]) => `${names} (${why})`).join('; ')}.

## What takes events of a NAT

The same of profile \`nat\`: connections that are translated, and of each the event that it was created, the event that it was
deleted, and its [end](nat.md). go-ipfix takes profile \`antrea\` alone, and Akvorado drops what has no interface. nfdump shows type and
code of ICMP, and not the identifier that stands in place of its source port.

${table(
  ['program', 'version', 'flags of ctflow', 'records read'],
  ofNat.map(({ name, version, dialect, comparison: { read, sent } }) => [
    name,
    version,
    `\`${natFlagsOf(dialect)}\``,
    `${read} of ${sent}`,
  ]),
)}

${verdicts(ofNat)}

## What \`ctflow collect\` reads

Each program sends what it has seen of known traffic, and what \`ctflow collect\` reads is compared field by field with what another
reader of the same messages says.

${table(
  ['program', 'version', 'as', 'records read'],
  exporters.map(({ name, version = '', run, comparison, left }) => [
    name,
    version,
    run,
    comparison ? `${comparison.read} of ${comparison.sent}` : `left out: ${left}`,
  ]),
)}

${verdicts(exporters)}
`;
}

/** A row for each element, a column for each program that was there. */
function verdicts(results: readonly { name: string; comparison?: Comparison }[]): string {
  const there = results.flatMap(({ name, comparison }) => (comparison ? [{ name, comparison }] : []));
  const elements = [...new Set(there.flatMap(({ comparison }) => [...comparison.fields.keys()]))];
  return table(
    ['element', ...there.map(({ name }) => name)],
    elements.map(element => [
      element,
      ...there.map(({ comparison }) => comparison.fields.get(element)?.verdict ?? '.'),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
