import type { BenchmarkRun, Parameters, Result } from '../results/results.js';
import { median } from '../results/statistics.js';

/** A number of one run; undefined where the run lacks what it is made of. */
export type Figure = (run: BenchmarkRun) => number | undefined;

/** Which result. Native and IPv4 where nothing else is said. */
export interface Choice {
  /** One of them: the same is measured in several. */
  readonly subject: string | readonly string[];
  readonly case: string;
  readonly backend?: Result['backend'];
  /** Only those that matter. */
  readonly parameters?: Parameters;
}

/** Seconds of an operation on the clock, the median. */
export function wall(choice: Choice): Figure {
  return of(choice, ({ samples }) => median(samples));
}

/** Seconds of CPU of an operation, the median. */
export function cpu(choice: Choice): Figure {
  return of(choice, result => median(result.cpu ?? []));
}

/** Rows or records of an operation. */
export function items(choice: Choice): Figure {
  return of(choice, ({ items }) => items);
}

/** What is held against something that was measured in turn with it: the sample, and the one of the same turn. */
export type Measure = 'wall' | 'cpu';

/** How many times as long an item of the one takes as an item of the other: the median over the turns of one run. */
export function paired(above: Choice, below: Choice, measure: Measure): Figure {
  return ({ results }) => {
    const [a, b] = [above, below].map(choice => results.find(result => isChosen(result, choice)));
    if (!a || !b) return undefined;
    const [as, bs] = [a, b].map(result => samplesOf(result, measure));
    const turns = Math.min(as.length, bs.length);
    if (turns === 0) return undefined;
    return median(Array.from({ length: turns }, (_, i) => as[i] / a.items / (bs[i] / b.items)));
  };
}

/** Seconds of one row or record, the median over the turns that both have: what ran in turn shared the caches. */
export function eachBeside(choice: Choice, other: Choice, measure: Measure): Figure {
  return ({ results }) => {
    const [one, two] = [choice, other].map(chosen => results.find(result => isChosen(result, chosen)));
    if (!one || !two) return undefined;
    const [ones, twos] = [one, two].map(result => samplesOf(result, measure));
    const value = median(ones.slice(0, twos.length));
    return Number.isFinite(value) ? value / one.items : undefined;
  };
}

/** Something that was counted beside. */
export function extra(choice: Choice, name: string): Figure {
  return of(choice, ({ extra }) => Number(extra[name]));
}

export function ratio(above: Figure, below: Figure): Figure {
  return both(above, below, (a, b) => a / b);
}

export function sum(one: Figure, other: Figure): Figure {
  return both(one, other, (a, b) => a + b);
}

export function difference(one: Figure, other: Figure): Figure {
  return both(one, other, (a, b) => a - b);
}

export function scaled(factor: number, figure: Figure): Figure {
  return run => {
    const value = figure(run);
    return value === undefined ? undefined : value * factor;
  };
}

/** Seconds of one row or record, the median. */
export function each(choice: Choice): Figure {
  return ratio(wall(choice), items(choice));
}

function samplesOf({ cpu = [], samples }: Result, measure: Measure): readonly number[] {
  return measure === 'cpu' ? cpu : samples;
}

function both(one: Figure, other: Figure, make: (a: number, b: number) => number): Figure {
  return run => {
    const a = one(run);
    const b = other(run);
    return a === undefined || b === undefined ? undefined : make(a, b);
  };
}

function of(choice: Choice, value: (result: Result) => number): Figure {
  return ({ results }) =>
    results
      .filter(result => isChosen(result, choice))
      .map(value)
      .find(Number.isFinite);
}

function isChosen(result: Result, { subject, case: name, backend = 'native', parameters = {} }: Choice): boolean {
  return (
    [subject].flat().includes(result.subject) &&
    result.case === name &&
    result.backend === backend &&
    result.family === 'ipv4' &&
    Object.entries(parameters).every(([key, wanted]) => result.parameters[key] === wanted)
  );
}
