import * as Plot from '@observablehq/plot';
import type { Result } from '../../results/results.js';
import { median } from '../../results/statistics.js';
import type { Comparison } from '../comparison.js';
import { type Chart, LOWER, plotLines, UPPER } from '../../page/plot.js';
import { bySubject, labelsOf } from './labels.js';

const BACKENDS = ['native', 'fallback'] as const;
const COLOURS = { domain: [...BACKENDS], range: ['var(--native)', 'var(--fallback)'] };

/** What one row or record costs with each backend, in HEAD. */
export function backends({ head }: Comparison): Chart[] {
  const results = [...head.results.values()].filter(({ samples }) => samples.length > 0);
  const pairs = results.flatMap(native => {
    if (native.backend !== 'native') return [];
    const fallback = results.find(other => other.backend === 'fallback' && taskOf(other) === taskOf(native));
    return fallback ? [{ head: native, native, fallback }] : [];
  });
  return bySubject(pairs).map(([subject, some]) => {
    const labels = labelsOf(some.map(({ native }) => native));
    const bars = some.flatMap((pair, i) =>
      BACKENDS.map(backend => ({ line: labels[i], backend, cost: nanosecondsOf(pair[backend]) })),
    );
    const lines = some.map(({ native, fallback }, i) => {
      const ratio = Number((nanosecondsOf(fallback) / nanosecondsOf(native)).toPrecision(2));
      return { line: labels[i], text: `${ratio} times: ${labels[i].replace('native ', '')}` };
    });
    const svg = plotLines(lines, {
      x: { label: 'ns a row or record', grid: true, ticks: 5 },
      color: COLOURS,
      marks: [
        ...BACKENDS.map((backend, i) =>
          Plot.barX(
            bars.filter(bar => bar.backend === backend),
            {
              x: 'cost',
              y: 'line',
              fill: 'backend',
              ...(i === 0 ? UPPER : LOWER),
            },
          ),
        ),
        Plot.ruleX([0], { stroke: 'currentColor' }),
      ],
    });
    return { title: subject, note: 'HEAD, and how many times as long the fallback takes.', svg };
  });
}

function taskOf({ subject, case: name, family, parameters, items }: Result): string {
  return JSON.stringify([subject, name, family, parameters, items]);
}

function nanosecondsOf({ samples, items }: Result): number {
  return (median(samples) * 1e9) / items;
}
