import test from 'ava';
import * as fc from 'fast-check';
import { ESTABLISHED, TIME_WAIT } from '../../src/row/conntrack.js';
import { tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import type { Counters, Facts } from '../helpers/builders/rows.js';
import { seeded } from '../helpers/seed.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const HOUR = 3_600_000;
const U64_MAX = (1n << 64n) - 1n;

interface Step {
  readonly what: 'poll' | 'incomplete' | 'report' | 'block' | 'release' | 'wait';
  readonly which: number;
  readonly budget: number;
  readonly milliseconds: number;
  /** For each of the connections: what happens to it. */
  readonly moves: readonly (readonly [string, readonly bigint[]])[];
}

const CONNECTIONS = 4;
const increment = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0n) },
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 5000n }) },
  fc.constantFrom(1n << 32n, (1n << 32n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, U64_MAX - 1n),
);
const move = fc.tuple(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant('grow') },
    { weight: 2, arbitrary: fc.constant('vanish') },
    fc.constantFrom('reopen', 'reset', 'close'),
  ),
  fc.array(increment, { minLength: 4, maxLength: 4 }),
);
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant('poll' as const) },
    { weight: 1, arbitrary: fc.constant('incomplete' as const) },
    { weight: 8, arbitrary: fc.constant('report' as const) },
    { weight: 3, arbitrary: fc.constant('wait' as const) },
    { weight: 2, arbitrary: fc.constantFrom('block' as const, 'release' as const) },
  ),
  which: fc.nat(2),
  budget: fc.constantFrom(1, 2, 1_000),
  milliseconds: fc.integer({ min: 1, max: 20_000 }),
  moves: fc.array(move, { minLength: CONNECTIONS, maxLength: CONNECTIONS }),
});

/** One connection of the imagined kernel, from its opening on. */
class Life {
  readonly port: number;
  readonly start: number;
  counters = [0n, 0n, 0n, 0n];
  /** What every destination must be told of it in the end. */
  readonly expected: bigint[];
  state = ESTABLISHED;
  seen = false;
  wasReset = false;

  constructor(port: number, start: number, before: readonly bigint[]) {
    this.port = port;
    this.start = start;
    this.counters = [...before];
    this.expected = [0n, 0n, 0n, 0n];
  }

  grow(by: readonly bigint[]): void {
    // old and new counters together, as one delta may hold them, stay within 64 bits
    const most = this.wasReset ? 0xffff_ffffn : U64_MAX;
    this.counters = this.counters.map((value, i) => {
      const grown = value + (by[i] & most);
      return grown > U64_MAX ? U64_MAX : grown;
    });
  }

  /** Somebody zeroes the counters, and packets come after it. */
  reset(): boolean {
    if (!this.counters.every(value => value > 0n && value < 1n << 62n)) return false;
    this.wasReset = true;
    this.counters = this.counters.map(value => value / 2n);
    return true;
  }
}

// antrea-io/antrea#2085, antrea-io/antrea#7882, antrea-io/antrea#1714
test('over any history the deltas add up exactly to the totals, for every destination', t => {
  let records = 0;
  let resets = 0;
  let reopened = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 40 }), script => {
      const rig = new StoreRig({
        destinations: [
          { staleConnectionTimeout: HOUR * 1000 },
          { activeFlowExportTimeout: 1_000, idleFlowExportTimeout: 3_000, staleConnectionTimeout: HOUR * 1000 },
          { activeFlowExportTimeout: 60_000, idleFlowExportTimeout: 500, staleConnectionTimeout: HOUR * 1000 },
        ],
      });
      const lives: Life[] = [];
      const current: (Life | undefined)[] = Array.from({ length: CONNECTIONS }, () => undefined);
      const kernel = (moves: Step['moves'], complete: boolean): void => {
        const shown: Facts[] = [];
        moves.forEach(([what, by], i) => {
          let life = current[i];
          if (what === 'vanish') {
            if (complete) current[i] = undefined; // otherwise the poll just fails to show it
            return;
          }
          const last = life?.counters;
          if (life === undefined || what === 'reopen') {
            life = new Life(i + 1, rig.wall - 1 - (lives.length % 2), by);
            lives.push(life);
            current[i] = life;
          } else if (what !== 'reset' || !life.reset()) {
            life.grow(by);
          }
          life.state = what === 'close' ? TIME_WAIT : ESTABLISHED;
          const fresh = life.counters;
          const old = what === 'reopen' ? undefined : last;
          if (!life.seen) {
            life.seen = true;
            for (let c = 0; c < 4; c++) life.expected[c] = fresh[c];
          } else {
            const fell = old!.some((value, c) => fresh[c] < value);
            for (let c = 0; c < 4; c++) life.expected[c] += fell ? fresh[c] : fresh[c] - old![c];
          }
          shown.push(tcp(life.port, life.start, fresh as unknown as Counters, { state: life.state }));
        });
        rig.poll(shown, complete);
      };
      rig.poll([]);
      for (const { what, which, budget, milliseconds, moves } of script) {
        rig.advance(milliseconds + 2);
        if (what === 'poll' || what === 'incomplete') kernel(moves, what === 'poll');
        else if (what === 'report') rig.due(which, budget);
        else if (what !== 'wait') rig.destinations[which].takes = what === 'release';
      }
      rig.advance(1);
      rig.poll([]);
      for (const [which, destination] of rig.destinations.entries()) {
        destination.takes = true;
        rig.due(which);
        for (const life of lives) {
          const mine = destination.reports.filter(({ port, start }) => port === life.port && start === life.start);
          const sums = [0, 1, 2, 3].map(c => mine.reduce((sum, { deltas }) => sum + deltas[c], 0n));
          if (sums.join() !== life.expected.join()) {
            throw new Error(`destination ${which}, ${life.port}: told ${sums}, counted ${life.expected}`);
          }
          for (const { start, end } of mine) {
            if (end < start || end > rig.wall) throw new Error(`end ${end} of a flow that began at ${start}`);
          }
        }
        if (destination.evicted.length > 0) throw new Error('evicted below the limit');
        records += destination.reports.length;
      }
      resets += rig.store.counts.counterResets;
      reopened += rig.store.counts.reopened;
      if (rig.store.size !== 0) throw new Error(`${rig.store.size} connections are left`);
      return true;
    }),
    { ...seeded(t), numRuns: 400, includeErrorInReport: true },
  );
  t.true(records > 10_000, `${records} records`);
  t.true(resets > 100, `${resets} counter resets`);
  t.true(reopened > 100, `${reopened} reopened`);
});

test('at the limit nothing is exported twice, and the store never grows beyond it', t => {
  let evicted = 0;
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 40, maxLength: 40 }),
      fc.boolean(),
      fc.constantFrom('baseline' as const, 'total' as const),
      (script, timestamps, firstSight) => {
        const rig = new StoreRig({ maxConnections: 2, firstSight });
        const lives: Life[] = [];
        const current: (Life | undefined)[] = Array.from({ length: CONNECTIONS }, () => undefined);
        rig.poll([]);
        for (const { what, milliseconds, moves } of script) {
          rig.advance(milliseconds + 2);
          if (what !== 'poll' && what !== 'incomplete') {
            rig.due();
            continue;
          }
          const shown = moves.flatMap(([kind, by], i): Facts[] => {
            if (kind === 'vanish') {
              if (what === 'poll') current[i] = undefined;
              return [];
            }
            let life = current[i];
            if (!life) lives.push((life = current[i] = new Life(i + 1, rig.wall - 1, [0n, 0n, 0n, 0n])));
            life.grow(by.map(value => value & 0xffffn));
            const facts = udp(life.port, life.start, life.counters as unknown as Counters);
            return [timestamps ? facts : withoutStart(facts)];
          });
          rig.poll(shown, what === 'poll');
          if (rig.store.size > 2) throw new Error(`${rig.store.size} connections`);
        }
        rig.all();
        const [{ reports, evicted: out }] = rig.destinations;
        const all = [...reports, ...out];
        for (let port = 1; port <= CONNECTIONS; port++) {
          const sum = all.reduce((n, report) => (report.port === port ? n + report.deltas[0] : n), 0n);
          const total = lives.reduce((n, life) => (life.port === port ? n + life.counters[0] : n), 0n);
          if (sum > total) throw new Error(`connection ${port}: told ${sum} of ${total}`);
        }
        evicted += rig.store.counts.evicted;
        return true;
      },
    ),
    { ...seeded(t), numRuns: 400, includeErrorInReport: true },
  );
  t.true(evicted > 100, `${evicted} evicted`);
});
