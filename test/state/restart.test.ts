/** Exporters that are stopped, and killed at every place, and what their collectors were told in the end. */
import test from 'ava';
import * as fc from 'fast-check';
import type { AggregateKey } from '../../src/ipfix/profile-aggregate.js';
import { backends } from '../helpers/backends.js';
import { ExporterLife, type KernelConnection, type MakeLine } from '../helpers/rigs/exporter-life.js';
import { seeded } from '../helpers/seed.js';
import type { Report } from '../helpers/rigs/store-rig.js';
import { SumLine } from '../helpers/rigs/sum-line.js';
import { temporaryPath } from '../helpers/temporary.js';

const BEGAN = 1_700_000_000_000;

type Step =
  | { readonly do: 'traffic'; readonly port: number; readonly packets: number }
  | { readonly do: 'poll' }
  | { readonly do: 'close' }
  | { readonly do: 'export'; readonly settle: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('traffic' as const), port: fc.nat(12), packets: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'poll' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('export' as const), settle: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
);
const steps = fc.array(step, { minLength: 5, maxLength: 30 });
const death = fc.record({ write: fc.nat(20), part: fc.constantFrom(0, 0.3, 0.9, 1) });

/** The kernel goes on counting, whoever listens. */
class Kernel {
  now = BEGAN;
  readonly open: KernelConnection[] = [];
  readonly ended: KernelConnection[] = [];

  traffic(port: number, packets: number): void {
    const there = this.open.find(connection => connection.port === port);
    if (there) there.packets += packets;
    else this.open.push({ port, started: this.now, packets: packets + 1 });
  }

  close(): void {
    const connection = this.open.shift();
    if (connection) this.ended.push(connection);
  }

  async live(life: ExporterLife, path: readonly Step[], takes: number): Promise<void> {
    for (const one of path) {
      this.now += 20;
      life.now = this.now;
      if (one.do === 'traffic') this.traffic(one.port, one.packets);
      else if (one.do === 'close') this.close();
      else if (life.killed) continue;
      else if (one.do === 'poll') await life.poll(this.open);
      else await life.export(one.settle);
    }
    await life.end(this.open, takes);
  }
}

/** Packets of both directions. */
function toldOf(reports: readonly Report[], { port, started }: KernelConnection): number {
  return reports
    .filter(report => report.port === port && report.start === started)
    .reduce((sum, { deltas }) => sum + Number(deltas[0] + deltas[2]), 0);
}

test('property: however often it is stopped or killed, nothing is exported twice, and no more is missing than is reported', async t => {
  const lives = fc.array(fc.tuple(steps, fc.option(death, { nil: undefined }), fc.constantFrom(0, 3, 8, Infinity)), {
    minLength: 2,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(lives, fc.integer({ min: 1, max: 2 }), async (all, collectors) => {
      const path = temporaryPath(t, 'state');
      const kernel = new Kernel();
      const told: Report[][] = Array.from({ length: collectors }, () => []);
      const uncertain = told.map(() => 0);
      for (const [i, [path_, early, takes]] of [...all, [[], undefined, Infinity] as const].entries()) {
        kernel.now += 1_000;
        // a first exporter that is killed before it has begun its file leaves nothing, and has told nothing
        const death = early && { ...early, write: early.write + (i === 0 ? 1 + collectors : 0) };
        const life = await ExporterLife.begin(path, kernel.now, told, { death });
        life.lines.forEach(({ journal }, line) => (uncertain[line] += journal.uncertain.packets));
        if (life.log.some(({ msg }) => String(msg).includes('not used'))) throw new Error('a good journal is refused');
        await kernel.live(life, path_, takes);
        kernel.now += 5;
      }
      for (const [i, reports] of told.entries()) {
        let missing = 0;
        for (const connection of kernel.open) {
          const left = connection.packets * 2 - toldOf(reports, connection);
          if (left < 0) throw new Error(`connection ${connection.port} is told twice`);
          missing += left;
        }
        if (missing > uncertain[i]) throw new Error(`${missing} missing, ${uncertain[i]} uncertain`);
        for (const connection of kernel.ended) {
          if (toldOf(reports, connection) > connection.packets * 2) throw new Error('told twice of one that ended');
        }
      }
    }),
    { ...seeded(t), numRuns: 100 },
  );
  t.pass();
});

type EndStep =
  | Step
  | { readonly do: 'end'; readonly at: number }
  | { readonly do: 'again'; readonly at: number }
  | { readonly do: 'deliver' }
  | { readonly do: 'one'; readonly line: number }
  | { readonly do: 'kill'; readonly torn: number };

const endStep = (again: boolean): fc.Arbitrary<EndStep> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('traffic' as const), port: fc.nat(12), packets: fc.nat(5) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('end' as const), at: fc.nat(12) }) },
    { weight: again ? 2 : 0, arbitrary: fc.record({ do: fc.constant('again' as const), at: fc.nat(40) }) },
    { weight: 3, arbitrary: fc.constant({ do: 'deliver' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'poll' as const }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('export' as const), settle: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('one' as const), line: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), torn: fc.constantFrom(0, 7, 100, 207) }) },
  );

/** A kernel whose connections end under the exporter's eyes. */
class TellingKernel extends Kernel {
  /** Ended, and written down by an exporter. */
  readonly heard: KernelConnection[] = [];

  async tell(life: ExporterLife, path: readonly EndStep[], takes = Infinity): Promise<void> {
    for (const one of path) {
      this.now += 20;
      life.now = this.now;
      if (one.do === 'traffic') this.traffic(one.port, one.packets);
      else if (life.killed) continue;
      else if (one.do === 'end') {
        const [connection] = this.open.splice(one.at % Math.max(this.open.length, 1), 1);
        if (!connection) continue;
        this.heard.push(connection);
        life.hear(connection);
      } else if (one.do === 'again') {
        if (this.heard.length > 0) life.hear(this.heard[one.at % this.heard.length]);
      } else if (one.do === 'deliver') life.deliver();
      else if (one.do === 'poll') await life.poll(this.open);
      else if (one.do === 'export') await life.export(one.settle);
      else if (one.do === 'one') await life.export(true, [one.line]);
      else if (one.do === 'kill') life.kill(one.torn);
    }
    if (!life.killed) life.deliver();
    await life.end(this.open, takes);
  }
}

const KINDS = [
  { again: false, limit: 64, runs: 60, title: '' },
  { again: true, limit: 64, runs: 60, title: ', however often an event repeats' },
  { again: true, limit: 5, runs: 40, title: ' or counted, where the store has room for five connections' },
];

for (const { again, limit, runs, title } of KINDS) {
  test(`property: killed anywhere, received destroys are exported once${title}`, async t => {
    const walk = fc.array(endStep(again), { minLength: 5, maxLength: 40 });
    const lives = fc.array(fc.tuple(walk, fc.option(death, { nil: undefined })), { minLength: 2, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lives, fc.integer({ min: 1, max: 2 }), async (all, collectors) => {
        const path = temporaryPath(t, 'state');
        const kernel = new TellingKernel();
        const told: Report[][] = Array.from({ length: collectors }, () => []);
        const uncertain = told.map(() => 0);
        for (const [i, [steps, early]] of [...all, [[], undefined] as const].entries()) {
          kernel.now += 1_000;
          const death = early && { ...early, write: early.write + (i === 0 ? 1 + collectors : 0) };
          // where events come again, as many ended ones stay in the journal as the store remembers
          const options = { death, ends: 64, keptEnds: again ? 1_000 : 0, maxConnections: limit };
          const life = await ExporterLife.begin(path, kernel.now, told, options);
          if (life.log.some(({ msg }) => String(msg).includes('not used'))) throw new Error('a good file is refused');
          await kernel.tell(life, steps);
          life.lines.forEach(({ journal, schedule: { evictedUnreported, endedOverflow } }, line) => {
            uncertain[line] += journal.uncertain.packets + evictedUnreported.packets + endedOverflow.packets;
          });
          kernel.now += 5;
        }
        for (const [i, reports] of told.entries()) {
          let missing = 0;
          for (const connection of [...kernel.open, ...kernel.heard]) {
            const left = connection.packets * 2 - toldOf(reports, connection);
            if (left < 0) throw new Error(`connection ${connection.port} is told twice`);
            missing += left;
          }
          if (reports.some(({ port }) => port === 999)) throw new Error('a record that was cut off is told');
          if (missing > uncertain[i]) throw new Error(`${missing} missing, ${uncertain[i]} uncertain`);
        }
      }),
      { ...seeded(t), numRuns: runs, includeErrorInReport: true },
    );
    t.pass();
  });
}

test('property: killed anywhere, sums have each packet once, whatever the keys and their limit', async t => {
  const [backend] = backends();
  const walk = fc.array(endStep(false), { minLength: 5, maxLength: 40 });
  const keys = fc.constantFrom<AggregateKey[]>(['src.port'], ['src.port', 'protocol'], ['protocol'], ['src', 'dst']);
  const aggregation = fc.record({ keys, limit: fc.integer({ min: 1, max: 4 }) });
  const takes = fc.constantFrom(0, 3, Infinity);
  const life = fc.tuple(walk, fc.option(death, { nil: undefined }), aggregation, takes);
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 2, maxLength: 6 }), async all => {
      const path = temporaryPath(t, 'state');
      const kernel = new TellingKernel();
      const told: Report[] = [];
      let uncertain = 0;
      const last = [[], undefined, all[0][2], Infinity] as const;
      for (const [i, [steps, early, sums, most]] of [...all, last].entries()) {
        kernel.now += 1_000;
        const death = early && { ...early, write: early.write + (i === 0 ? 2 : 0) };
        const line: MakeLine = (...of) => new SumLine(backend, sums, ...of);
        const life = await ExporterLife.begin(path, kernel.now, [told], { death, ends: 64, line });
        uncertain += life.lines[0].journal.uncertain.packets;
        if (life.log.some(({ msg }) => String(msg).includes('not used'))) throw new Error('a good file is refused');
        await kernel.tell(life, steps, most);
        kernel.now += 5;
      }
      const counted = [...kernel.open, ...kernel.heard].reduce((sum, { packets }) => sum + packets * 2, 0);
      const sum = told.reduce((packets, { deltas }) => packets + Number(deltas[0] + deltas[2]), 0);
      const octets = told.reduce((all, { deltas }) => all + Number(deltas[1] + deltas[3]), 0);
      if (octets !== sum * 75) throw new Error(`${octets} octets of ${sum} packets`);
      if (sum > counted) throw new Error(`${sum - counted} packets twice`);
      if (counted - sum > uncertain) throw new Error(`${counted - sum} missing, ${uncertain} uncertain`);
    }),
    { ...seeded(t), numRuns: 15 },
  );
  t.pass();
});
