/** `npm run proof:interop`: what others make of ctflow's records, and ctflow of theirs, field by field. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { ROOT } from '../../bench/host/machine.js';
import { EndingScope, type Scope } from '../../test/helpers/kernel/scope.js';
import type { OracleRecord } from '../../test/helpers/oracles/record.js';
import { compare, inTurn, type Comparison } from './compare.js';
import { compareCollected } from './collected.js';
import { EXPORTERS } from './exporters/index.js';
import { exportIn, exportNat } from './exported.js';
import { pageOf, type ExporterResult, type NatResult, type TakerResult } from './page.js';
import { BUILT_RECIPES, type BuiltRecipe, runBuilt } from './recipes.js';
import { TAKERS } from './takers/index.js';
import type { Taker } from './takers/taker.js';

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
const ofNat: NatResult[] = [];
for (const taker of TAKERS.filter(({ name }) => flags.only?.includes(name) ?? true)) {
  const { name, run, dialect } = taker;
  const left = taker.lacks();
  if (left) takers.push({ name, run, dialect, left });
  else {
    const { messages, records } = await exportIn(dialect);
    const read = await scoped(scope => taker.read(messages, scope));
    const comparison = compare(inFlows(records, taker.ofFlows), read);
    takers.push({ name, run, dialect, version: taker.version(), comparison });
  }
  say(takers.at(-1)!);
  if (left || !taker.nat) continue;
  const events = await exportNat(dialect);
  const comparison = compare(
    shownTo(taker, events.records),
    await scoped(scope => taker.read(events.messages, scope)),
    inTurn,
  );
  ofNat.push({ name, dialect, version: taker.version(), comparison });
  say({ ...ofNat.at(-1)!, name: `${name}, events of a NAT` });
}
const exporters: ExporterResult[] = [];
for (const exporter of EXPORTERS.filter(({ name }) => flags.only?.includes(name) ?? true)) {
  const { name, run } = exporter;
  const left = exporter.lacks();
  if (left) exporters.push({ name, run, left });
  else {
    const comparison = await scoped(async scope => compareCollected(await exporter.send(scope)));
    exporters.push({ name, run, version: exporter.version(), comparison });
  }
  say(exporters.at(-1)!);
}
let failed = false;
for (const recipe of BUILT_RECIPES.filter(({ name }) => flags.only?.includes(name) ?? true)) {
  const left = recipe.lacks();
  const outcome = left === undefined ? await scoped(scope => runs(recipe, scope)) : `left out, ${left}`;
  process.stdout.write(`the recipe of ${recipe.name}: ${outcome}\n`);
}
if (flags.write) writeFileSync(join(ROOT, PAGE), pageOf(takers, ofNat, exporters));
const compared = [...takers, ...ofNat, ...exporters].flatMap(({ comparison }) => comparison ?? []);
process.exitCode = !failed && compared.every(isRight) ? 0 : 1;

async function runs(recipe: BuiltRecipe, scope: Scope): Promise<string> {
  try {
    await runBuilt(recipe, scope);
    return 'runs as it stands';
  } catch (error) {
    failed = true;
    return String(error);
  }
}

/** What is opened for it ends with it. */
async function scoped<T>(task: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = new EndingScope();
  try {
    return await task(scope);
  } finally {
    await scope.end();
  }
}

function shownTo({ icmpWithoutPorts }: Taker, records: readonly OracleRecord[]): readonly OracleRecord[] {
  if (!icmpWithoutPorts) return records;
  return records.map(record => {
    if (!record['icmpTypeCodeIPv4']) return record;
    const { sourceTransportPort: _, ...rest } = record;
    return rest;
  });
}

/** Records as a program shows them that has an element of options in each flow. */
function inFlows(records: readonly OracleRecord[], element: string | undefined): readonly OracleRecord[] {
  const value = element && records.map(record => record[element]).find(Boolean);
  if (!element || !value) return records;
  return records.map(record => (record['protocolIdentifier'] ? { ...record, [element]: value } : record));
}

type Said = Pick<ExporterResult, 'name' | 'version' | 'comparison' | 'left'>;

function isRight({ fields, unexpected }: Comparison): boolean {
  return unexpected.length === 0 && [...fields.values()].every(({ verdict }) => verdict !== 'wrong');
}

function say({ name, version, comparison, left }: Said): void {
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
