import { AB_VERSION, type AbPair, type AbRow, type AbRun, type Verdict } from '../../../bench/ab/result.js';
import { seededRandom } from '../../../bench/workload/random.js';
import { benchmarkResult, benchmarkRun } from '../compare/runs.js';

/** A comparison by pairs in which there is one of everything: verdicts, floors, void processes, a machine that drifts. */
export function sampleAbRun(pairs = 27): AbRun {
  const random = seededRandom(3);
  const at = (i: number): string => new Date(Date.UTC(2026, 10, 24, 20, 0, i * 9)).toISOString();
  const speed = Array.from({ length: pairs }, (_, i) => 1 + 0.4 * Math.sin(i / 5) + random() / 20);
  const sway = (): number => 0.97 + random() * 0.06;
  const pairOf = (seconds: number, ratio: number, i: number): AbPair => {
    const cost = (times: number) => {
      const cpu = seconds * speed[i] * times * sway();
      return { cpu, wall: cpu * 1.2, gc: cpu / 20 };
    };
    return { at: at(i), first: random() < 0.5 ? 'base' : 'head', base: cost(1), head: cost(ratio) };
  };
  const row = (subject: string, backend: AbRow['backend'], ratio: number, verdict?: Verdict): AbRow => {
    const { family, parameters, items } = benchmarkResult();
    const change = { estimate: ratio - 1, low: ratio - 1.02, high: ratio - 0.98, pairs };
    return {
      subject,
      case: subject,
      backend,
      family,
      parameters,
      items,
      primary: verdict !== undefined,
      judgedBy: 'cpu',
      pairs: Array.from({ length: pairs }, (_, i) => pairOf(0.001, ratio, i)),
      cpu: change,
      wall: change,
      ...(verdict && { verdict, p: 0.01 }),
    };
  };
  const lacking = row('poll', 'both', 1, 'undecided');
  const { machine, commit } = benchmarkRun([]);
  return {
    version: AB_VERSION,
    base: { name: 'main', commit },
    head: { name: 'HEAD', commit: 'fedcba98'.repeat(5) },
    began: at(0),
    ended: at(pairs),
    machine,
    rule: { threshold: 0.05, alpha: 0.05, looks: [12, 18, pairs], primary: 4, leastPairs: 9 },
    verdict: 'worse',
    end: 'pairs',
    rows: [
      row('decode', 'native', 1.12, 'worse'),
      row('decode', 'fallback', 0.98, 'fine'),
      { ...row('encode', 'native', 1.045, 'undecided'), cpu: { estimate: 0.045, low: null, high: null, pairs: 5 } },
      { ...lacking, pairs: lacking.pairs.map((pair, i) => (i % 3 ? pair : { ...pair, head: { void: 'it hung' } })) },
      row('dump', 'kernel', 1.01),
    ],
    problems: ['poll: HEAD has no CPU time in 9 of 27 pairs: it hung.'],
    drift: speed.map((times, i) => ({ at: at(i), wall: 0.011 * times, cpu: 0.01 * times })),
  };
}
