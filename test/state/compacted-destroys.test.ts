/** A journal that is written anew must not forget what was told of ends that are still in the file of ends, or may come again. */
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ENTRY_WORDS } from '../../src/state/entry-block.js';
import { JournalContents } from '../../src/state/journal-contents.js';
import { FILE_HEADER_SIZE, readBlocks } from '../../src/state/journal-file.js';
import { eventually } from '../helpers/eventually.js';
import { ExporterLife, type KernelConnection, type LifeOptions } from '../helpers/rigs/exporter-life.js';
import type { Report } from '../helpers/rigs/store-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const BEGAN = 1_700_000_000_000;
const ENDED = 30;

const connections = (from: number, many: number): KernelConnection[] =>
  Array.from({ length: many }, (_, i) => ({ port: from + i, started: BEGAN + 1, packets: 10 }));

interface Scene {
  readonly path: string;
  readonly told: Report[][];
  readonly ended: KernelConnection[];
  readonly life: ExporterLife;
}

/** Connections that have ended and were told to these collectors; then the journal is written anew. */
async function writtenAnew(t: ExecutionContext, only: readonly number[], options: LifeOptions): Promise<Scene> {
  const path = temporaryPath(t, 'state');
  const told: Report[][] = [[], []];
  const life = await ExporterLife.begin(path, BEGAN, told, { ends: 256, maxConnections: 512, ...options });
  const ended = connections(1, ENDED);
  const open = connections(1_000, 50);
  life.now += 10;
  await life.poll(open);
  for (const connection of ended) life.hear(connection);
  life.deliver();
  await life.export(true, only);
  for (let before = life.journal.stats().compactions + 1; life.journal.stats().compactions <= before;) {
    life.now += 10;
    for (const connection of open) connection.packets++;
    await life.poll(open);
    await life.export(true, only);
    await eventually('a journal that is being written anew is', () => sleep(5, true));
  }
  return { path, told, ended, life };
}

async function killedAndBegun({ path, told, life }: Scene): Promise<void> {
  life.kill(0);
  await life.end([]);
  const next = await ExporterLife.begin(path, BEGAN + 100_000, told, { ends: 256, maxConnections: 512 });
  await next.poll([]);
  await next.export(true);
  await next.end([]);
}

const packetsOf = (reports: readonly Report[], ended: readonly KernelConnection[]): number[] =>
  ended.map(({ port }) =>
    reports.filter(report => report.port === port).reduce((sum, { deltas }) => sum + Number(deltas[0]), 0),
  );

test('records that only one collector has received are exported once to each', async t => {
  const scene = await writtenAnew(t, [0], { keptEnds: 0 });
  await killedAndBegun(scene);
  t.deepEqual(packetsOf(scene.told[0], scene.ended), Array(ENDED).fill(10));
  t.deepEqual(packetsOf(scene.told[1], scene.ended), Array(ENDED).fill(10));
  const once = scene.told[0].filter(({ port }) => port <= ENDED);
  t.is(once.length, ENDED, 'no word more');
});

test('a repeated event whose connection is already exported is not exported again', async t => {
  const scene = await writtenAnew(t, [0, 1], { keptEnds: 1_000 });
  for (const connection of scene.ended) scene.life.hear(connection);
  await killedAndBegun(scene);
  for (const reports of scene.told) {
    t.deepEqual(packetsOf(reports, scene.ended), Array(ENDED).fill(10));
    t.is(reports.filter(({ port }) => port <= ENDED).length, ENDED);
  }
});

test('ended connections leave the journal some time after they were exported', async t => {
  const { path, life } = await writtenAnew(t, [0, 1], { keptEnds: 10 });
  const fd = openSync(path, 'r');
  const { size } = fstatSync(fd);
  const contents = new JournalContents(size);
  await readBlocks(fd, FILE_HEADER_SIZE, size, block => contents.take(block));
  closeSync(fd);
  const { table } = contents;
  const ids = Array.from({ length: table.count }, (_, entry) => table.words[entry * ENTRY_WORDS]);
  t.is(ids.filter(id => id <= ENDED).length, 2 * 10, 'the last ten of each collector');
  t.is(ids.filter(id => id >= 1_000).length, 2 * 50);
  life.kill(0);
  await life.end([]);
});

test('of a connection exported without its event only what it counted since is exported when the event is found', async t => {
  const path = temporaryPath(t, 'state');
  const told: Report[][] = [[]];
  const [connection] = connections(1, 1);
  const life = await ExporterLife.begin(path, BEGAN, told, { ends: 8 });
  life.now += 10;
  await life.poll([connection]);
  for (let missed = 0; missed < 2; missed++) await life.poll([]);
  await life.export(true);
  t.is(told[0].length, 1);
  connection.packets += 5;
  life.hear(connection);
  life.kill(0);
  await life.end([]);
  const next = await ExporterLife.begin(path, BEGAN + 100_000, told, { ends: 8 });
  await next.poll([]);
  await next.export(true);
  await next.end([]);
  t.deepEqual(packetsOf(told[0], [connection]), [15]);
  t.is(told[0].length, 2);
});

test('an exporter without events exports the ended connections of the previous run', async t => {
  const path = temporaryPath(t, 'state');
  const told: Report[][] = [[]];
  const ended = connections(1, 3);
  const life = await ExporterLife.begin(path, BEGAN, told, { ends: 8 });
  life.now += 10;
  for (const connection of ended) life.hear(connection);
  life.kill(0);
  await life.end([]);
  for (let again = 1; again < 3; again++) {
    const next = await ExporterLife.begin(path, BEGAN + again * 100_000, told);
    await next.poll([]);
    await next.export(true);
    if (again === 1) next.kill(0);
    await next.end([]);
  }
  t.deepEqual(packetsOf(told[0], ended), [10, 10, 10]);
  t.is(told[0].length, 3);
  t.false(existsSync(`${path}.ends`));
});
