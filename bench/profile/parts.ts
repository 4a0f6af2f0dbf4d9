import { time } from '@datadog/pprof';
import { framesOf, valueIndex, type Frame, type Profile } from './call-tree.js';

/** A part of the program, and the CPU that it took itself, nanoseconds. */
export interface Part {
  readonly name: string;
  cpu: number;
  /** The CPU of each of its functions. */
  readonly functions: Map<string, number>;
}

/** A stage is a folder of the package; the exporter stands above all of them. */
const STAGE = /^(?!.*\/node_modules\/).*\/(?:dist|build\/src)\/([^/]+?)(?:\/[^/]+)?(?:\.js)?$/;
const BENCHMARK = /\/build\/(?:bench|test)\//;

/** What a profile of JavaScript does not see belongs to it too. */
const REST = 'Node and its event loop';
/** Functions with a smaller share of the CPU are not named. */
const LEAST_SHARE = 0.01;

/** The CPU of a profile by stage, the largest first. What has no file of its own counts for the stage that called it. */
export function partsOf(profile: Profile): Part[] {
  const frames = framesOf(profile);
  const index = valueIndex(profile, 'cpu');
  const parts = new Map<string, Part>();
  for (const { locationId, value } of profile.sample) {
    const stack = locationId.map(id => frames.get(Number(id))!);
    const cpu = Number(value[index]);
    const { name, frame } = partOf(stack);
    let part = parts.get(name);
    if (!part) parts.set(name, (part = { name, cpu: 0, functions: new Map() }));
    part.cpu += cpu;
    const own = functionName(frame);
    part.functions.set(own, (part.functions.get(own) ?? 0) + cpu);
  }
  return [...parts.values()].sort((a, b) => b.cpu - a.cpu);
}

/**
 * The part, and its function that was at work or called what was.
 * @param stack the leaf first
 */
function partOf(stack: readonly Frame[]): { name: string; frame: Frame } {
  const [leaf] = stack;
  if (leaf.name === time.constants.GARBAGE_COLLECTION_FUNCTION_NAME) return { name: 'garbage collection', frame: leaf };
  for (const frame of stack) {
    if (BENCHMARK.test(frame.file)) return { name: 'the benchmark', frame };
    const stage = STAGE.exec(frame.file)?.[1];
    // a function without a file is not JavaScript: the native module's, or V8's own
    if (stage !== undefined) return { name: leaf.file === '' ? `${stage}: native code` : stage, frame };
  }
  return { name: REST, frame: leaf };
}

/**
 * The parts in Markdown, for each row or record of the operations that were profiled.
 * @param total CPU of these operations, nanoseconds; @param items of all of them
 */
export function partTable(parts: readonly Part[], total: number, items: number): string {
  const seen = parts.filter(({ name }) => name !== REST);
  const rest = Math.max(total - seen.reduce((sum, { cpu }) => sum + cpu, 0), 0);
  const rows = [
    ...seen,
    { name: REST, cpu: rest, functions: new Map() },
    { name: 'all', cpu: total, functions: new Map() },
  ];
  return [
    '| part | CPU for each | share | functions |',
    '|---|---:|---:|---|',
    ...rows.map(
      ({ name, cpu, functions }) =>
        `| ${name} | ${(cpu / items).toFixed(1)} ns | ${percent(cpu / total)} | ${functionsText(functions, total)} |`,
    ),
    '',
  ].join('\n');
}

function functionName({ name, file }: Frame): string {
  return name.startsWith('(anonymous') ? `a function of ${file.split('/').at(-1)}` : name;
}

function functionsText(functions: ReadonlyMap<string, number>, total: number): string {
  return [...functions]
    .filter(([, cpu]) => cpu >= total * LEAST_SHARE)
    .sort(([, a], [, b]) => b - a)
    .map(([name, cpu]) => `${name} ${percent(cpu / total)}`)
    .join(', ');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
