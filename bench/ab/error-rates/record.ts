import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { machine, ROOT } from '../../host/machine.js';
import { PLANTED } from '../../run/planted-work.js';
import { measurePair } from '../pair.js';
import { PairRows } from '../pair-rows.js';
import { isPrimary, JOBS } from '../primary.js';
import { titleOf } from '../session.js';
import { BusyProcesses } from './busy-processes.js';
import { fileOf, PLANTED_SHARE, type Kind, type RecordedPair, type Recording } from './recording.js';

/** What was recorded is stored after so many pairs, so that one who has no more time has these. */
const STORED_EVERY = 10;

/**
 * Records pairs of this checkout against itself, of all jobs of bench:ab, and stores them in a folder.
 * @param pairs of each job
 */
export async function record(kind: Kind, pairs: number, folder: string): Promise<void> {
  const planted = PLANTED_SHARE[kind];
  const head = { root: ROOT, ...(planted > 0 && { env: { [PLANTED]: String(planted) } }) };
  const rows = new PairRows();
  const began = new Date().toISOString();
  const busy = kind === 'beside-load' ? new BusyProcesses() : undefined;
  let load = 0;
  try {
    for (let i = 1; i <= pairs; i++) {
      load += loadavg()[0];
      for (const job of JOBS) {
        const pair = await measurePair(job, { base: { root: ROOT }, head });
        for (const outcome of [pair.base, pair.head]) if ('failed' in outcome) throw new Error(outcome.failed);
        rows.add(job.subject, pair);
      }
      process.stderr.write(`${kind}: pair ${i} of ${pairs}\n`);
      if (i % STORED_EVERY === 0 || i === pairs) store(folder, recordingOf(kind, began, load / i, rows));
    }
  } finally {
    busy?.end();
  }
}

function recordingOf(kind: Kind, began: string, load: number, { all }: PairRows): Recording {
  const primary = all.filter(({ identity }) => isPrimary(identity));
  return {
    kind,
    began,
    ended: new Date().toISOString(),
    machine: machine(),
    load: rounded(load),
    rows: primary.map(({ identity }) => titleOf(identity)),
    pairs: primary[0].pairs.map((_, i): RecordedPair => {
      const both = (what: 'cpu' | 'wall'): [number, number][] =>
        primary.map(({ pairs }) => [rounded(pairs[i].base[what]!), rounded(pairs[i].head[what]!)]);
      return { first: primary.map(({ pairs }) => pairs[i].first), cpu: both('cpu'), wall: both('wall') };
    }),
  };
}

/** A line for each pair. */
function store(folder: string, { pairs, ...rest }: Recording): void {
  const lines = pairs.map(pair => JSON.stringify(pair)).join(',\n');
  writeFileSync(fileOf(folder, rest.kind), `${JSON.stringify(rest).slice(0, -1)},"pairs":[\n${lines}\n]}\n`);
}

/** Six digits are more than the clock has. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
