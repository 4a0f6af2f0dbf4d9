/** Sums in the journal: what a later run finds of them. */
import test from 'ava';
import type { AggregateKey } from '../../src/ipfix/profile-aggregate.js';
import { backends } from '../helpers/backends.js';
import { ExporterLife, type KernelConnection, type LifeOptions } from '../helpers/rigs/exporter-life.js';
import type { Report } from '../helpers/rigs/report.js';
import { SumLine } from '../helpers/rigs/sum-line.js';
import { temporaryPath } from '../helpers/temporary.js';

const BEGAN = 1_700_000_000_000;
const [backend] = backends();
const NOTHING = { records: 0, packets: 0, octets: 0 };

function summing(keys: readonly AggregateKey[], limit = 10): LifeOptions {
  return { line: (...of) => new SumLine(backend, { keys, limit }, ...of) };
}

const connections = (packets: number): KernelConnection[] =>
  [1, 2, 3].map(port => ({ port, started: BEGAN + port, packets }));

const packetsOf = (told: readonly Report[]): number =>
  told.reduce((sum, { deltas }) => sum + Number(deltas[0] + deltas[2]), 0);

test('sums that a killed exporter had not sent are sent once, whatever came to them since', async t => {
  const path = temporaryPath(t, 'state');
  const told: Report[] = [];
  const first = await ExporterLife.begin(path, BEGAN, [told], summing(['src.port']));
  first.now += 10;
  await first.poll(connections(10));
  // the interval is not over
  await first.export(true);
  first.kill(0);
  await first.end(connections(10));
  t.deepEqual(told, []);
  const second = await ExporterLife.begin(path, BEGAN + 1_000, [told], summing(['src.port']));
  second.now += 10;
  await second.poll(connections(14));
  await second.end(connections(14));
  t.deepEqual(
    told.map(({ port, deltas }) => [port, Number(deltas[0])]),
    [
      [1, 14],
      [2, 14],
      [3, 14],
    ],
  );
  t.deepEqual(second.lines[0].journal.uncertain, NOTHING);
});

test('sums of other keys are in the remainder, once, however often the exporter is killed', async t => {
  const path = temporaryPath(t, 'state');
  const told: Report[] = [];
  const first = await ExporterLife.begin(path, BEGAN, [told], summing(['src.port']));
  first.now += 10;
  await first.poll(connections(10));
  await first.export(true);
  first.kill(0);
  await first.end([]);
  const second = await ExporterLife.begin(path, BEGAN + 1_000, [told], summing(['src', 'src.port']));
  second.kill(0);
  await second.end([]);
  const third = await ExporterLife.begin(path, BEGAN + 2_000, [told], summing(['src', 'src.port']));
  third.now += 10;
  await third.poll(connections(10));
  await third.end(connections(10));
  t.deepEqual(
    told.map(({ port, deltas }) => [port, Number(deltas[0])]),
    [[-1, 30]],
  );
});

test('what was never sent is a sum again, with what came to its key meanwhile', async t => {
  const path = temporaryPath(t, 'state');
  const told: Report[] = [];
  const first = await ExporterLife.begin(path, BEGAN, [told], summing(['src.port']));
  first.now += 10;
  await first.poll(connections(10));
  first.now += 100;
  await first.export(false);
  await first.poll(connections(12));
  // two of them leave at the end
  await first.end(connections(12), 2);
  const second = await ExporterLife.begin(path, BEGAN + 1_000, [told], summing(['src.port']));
  second.now += 10;
  await second.poll(connections(12));
  await second.end(connections(12));
  t.is(packetsOf(told), 3 * 12 * 2);
  t.deepEqual(second.lines[0].journal.uncertain, NOTHING);
});

test('a destination that aggregates no more drops its sums, once, and says what they held', async t => {
  const path = temporaryPath(t, 'state');
  const first = await ExporterLife.begin(path, BEGAN, [[]], summing(['src.port']));
  first.now += 10;
  await first.poll(connections(10));
  await first.export(true);
  first.kill(0);
  await first.end([]);
  const second = await ExporterLife.begin(path, BEGAN + 1_000, [[]]);
  t.deepEqual(second.lines[0].journal.dropSums(), { records: 3, packets: 60, octets: 4_500 });
  await second.end([]);
  const third = await ExporterLife.begin(path, BEGAN + 2_000, [[]]);
  t.deepEqual(third.lines[0].journal.dropSums(), NOTHING);
  await third.end([]);
});
