/** `npm run proof:interop`: what others make of ctflow's records, and ctflow of theirs, field by field. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { ROOT } from '../../bench/host/machine.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import type { OracleRecord } from '../../test/helpers/oracles/record.js';
import { compare, type Comparison } from './compare.js';
import { compareCollected } from './collected.js';
import { EXPORTERS } from './exporters/index.js';
import { exportIn } from './exported.js';
import { pageOf, type ExporterResult, type TakerResult } from './page.js';
import { TAKERS } from './takers/index.js';

interface Flags {
  only?: string[];
  write?: boolean;
}

const PAGE = 'docs/interop.md';
const names = [...TAKERS, ...EXPORTERS].map(({ name }) => name);

const flags = new Command('proof:interop')
  .description('compares what other programs read of ctflow, and ctflow of them, field by field')
  .addOption(new Option('--only <names...>', 'some of the programs').choices(names))
  .addOption(new Option('--write', `writes ${PAGE}; with all programs`).conflicts('only'))
  .parse()
  .opts<Flags>();

const takers: TakerResult[] = [];
for (const taker of TAKERS.filter(({ name }) => flags.only?.includes(name) ?? true)) {
  const { name, run, dialect } = taker;
  const left = taker.lacks();
  const scope = new EndingScope();
  try {
    if (left) takers.push({ name, run, dialect, left });
    else {
      const { messages, records } = await exportIn(dialect);
      const comparison = compare(inFlows(records, taker.ofFlows), await taker.read(messages, scope));
      takers.push({ name, run, dialect, version: taker.version(), comparison });
    }
  } finally {
    await scope.end();
  }
  say(takers.at(-1)!);
}
const exporters: ExporterResult[] = [];
for (const exporter of EXPORTERS.filter(({ name }) => flags.only?.includes(name) ?? true)) {
  const { name, run } = exporter;
  const left = exporter.lacks();
  const scope = new EndingScope();
  try {
    if (left) exporters.push({ name, run, left });
    else {
      const comparison = await compareCollected(await exporter.send(scope));
      exporters.push({ name, run, version: exporter.version(), comparison });
    }
  } finally {
    await scope.end();
  }
  say(exporters.at(-1)!);
}
if (flags.write) writeFileSync(join(ROOT, PAGE), pageOf(takers, exporters));
process.exitCode = [...takers, ...exporters].some(({ comparison }) => comparison && !isRight(comparison)) ? 1 : 0;

/** Records as a program shows them that has an element of options in each flow. */
function inFlows(records: readonly OracleRecord[], element: string | undefined): readonly OracleRecord[] {
  const value = element && records.map(record => record[element]).find(Boolean);
  if (!element || !value) return records;
  return records.map(record => (record['protocolIdentifier'] ? { ...record, [element]: value } : record));
}

function isRight({ fields, unexpected }: Comparison): boolean {
  return unexpected.length === 0 && [...fields.values()].every(({ verdict }) => verdict !== 'wrong');
}

function say({ name, version, comparison, left }: TakerResult | ExporterResult): void {
  if (!comparison) return void process.stdout.write(`${name}: left out, ${left}\n`);
  const of = (wanted: string): [string, string | undefined][] =>
    [...comparison.fields].flatMap(([element, { verdict, wrong }]) => (verdict === wanted ? [[element, wrong]] : []));
  const counts = ['right', 'ignored', 'wrong'].map(verdict => `${of(verdict).length} ${verdict}`).join(', ');
  const lines = [
    `${name} ${version}: ${comparison.read} of ${comparison.sent} records, ${counts}`,
    ...of('wrong').map(([element, wrong]) => `  ${element} is wrong: ${wrong}`),
    ...comparison.unexpected.map(key => `  was never sent: ${key}`),
    `  ignored: ${
      of('ignored')
        .map(([element]) => element)
        .join(', ') || 'none'
    }`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
