import test from 'ava';
import { COUNTER_WORDS } from '../../src/schedule/export-state.js';
import { ROW_WORDS } from '../../src/row/layout.generated.js';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { CtflowError } from '../../src/common/errors.js';
import { eventually } from '../helpers/eventually.js';
import { ExporterLife, type KernelConnection } from '../helpers/rigs/exporter-life.js';
import { HOST, openJournal } from '../helpers/builders/journals.js';
import type { Report } from '../helpers/rigs/store-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const NONE = { records: 0, packets: 0, octets: 0 };
const BEGAN = 1_700_000_000_000;

/** Three connections, told of once and left open. */
async function firstLife(path: string): Promise<KernelConnection[]> {
  const life = await ExporterLife.begin(path, BEGAN, [[]]);
  const connections = [1, 2, 3].map(port => ({ port, started: BEGAN + port, packets: 10 }));
  life.now += 10;
  await life.poll(connections);
  await life.export(true);
  await life.end(connections);
  return connections;
}

/** A later life that sees these connections; what it tells of them. */
async function nextLife(path: string, connections: readonly KernelConnection[], now = BEGAN + 1_000) {
  const told: Report[] = [];
  const life = await ExporterLife.begin(path, now, [told], { maxConnections: 2_000 });
  life.now += 10;
  await life.poll(connections);
  await life.export(true);
  const { log, journal } = life;
  return { life, told, log, stats: journal.stats() };
}

test('exported counters are not exported again, and later ones are', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  connections[1].packets += 7;
  const { life, told, stats } = await nextLife(path, connections);
  t.deepEqual(
    told.map(({ port, deltas }) => [port, deltas[0]]),
    [[2, 7n]],
  );
  t.like(stats, { restored: 3, endedWhileDown: 0, errors: 0, restartUncertain: { records: 0 } });
  await life.end(connections);
});

test('a silent connection exported with end reason 4 is not exported again, however often the exporter starts', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  for (let again = 0; again < 3; again++) {
    const { life, told } = await nextLife(path, connections, BEGAN + 1_000 * (again + 1));
    life.now += 100_000; // long idle
    await life.export(true);
    await life.end(connections);
    t.deepEqual(told, []);
  }
});

test('a connection that began while no exporter ran is exported whole', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  connections.push({ port: 4, started: BEGAN + 500, packets: 9 });
  const { life, told } = await nextLife(path, connections);
  t.deepEqual(
    told.map(({ port, deltas }) => [port, deltas[0]]),
    [[4, 9n]],
  );
  await life.end(connections);
});

test('a connection that began while the clock was wrong, unseen by the run before, is counted as uncertain', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  // the clock was an hour behind
  connections.push({ port: 4, started: BEGAN - 3_600_000, packets: 9 });
  const { life, stats } = await nextLife(path, connections);
  t.like(stats.restartUncertain, { records: 1, packets: 18 }, 'nine each way');
  await life.end(connections);
});

test('a connection older than the first exporter counts from its first sight, over restarts', async t => {
  const path = temporaryPath(t, 'state');
  const old = { port: 9, started: BEGAN - 5_000, packets: 100 };
  const first = await ExporterLife.begin(path, BEGAN, [[]]);
  await first.poll([old]);
  // killed before it was told of
  await first.journal.close();
  old.packets += 5;
  const { life, told } = await nextLife(path, [old]);
  t.deepEqual(
    told.map(({ deltas, totals }) => [deltas[0], totals[0]]),
    [[5n, 105n]],
  );
  await life.end([old]);
});

test('connections that ended while no exporter ran are counted once; those before are not counted', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  const second = await nextLife(path, connections);
  await second.life.poll(connections.slice(1)); // the first ends, watched
  await second.life.export(true);
  await second.life.end(connections.slice(1));
  const third = await nextLife(path, connections.slice(2), BEGAN + 2_000);
  t.like(third.stats, { restored: 1, endedWhileDown: 1 });
  t.true(third.log.some(({ endedWhileDown }) => endedWhileDown === 1));
  await third.life.end(connections.slice(2));
  const fourth = await nextLife(path, connections.slice(2), BEGAN + 3_000);
  t.like(fourth.stats, { restored: 1, endedWhileDown: 0 });
  await fourth.life.end(connections.slice(2));
});

test('an end that needs no record does not count as ended while down', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  const second = await nextLife(path, connections);
  connections[0].packets++;
  await second.life.poll(connections);
  second.life.now += 200_000; // told as idle, then it expires as idle
  await second.life.export(true);
  await second.life.poll([]);
  await second.life.export(true);
  await second.life.end([]);
  const third = await nextLife(path, [], BEGAN + 300_000);
  t.like(third.stats, { restored: 0, endedWhileDown: 0 });
  await third.life.end([]);
});

for (const takes of [0, 4, 3]) {
  test(`a shutdown in which the collector takes ${takes} of 6 records: the next exporter sends the rest`, async t => {
    const path = temporaryPath(t, 'state');
    const told: Report[] = [];
    const connections = [1, 2, 3, 4, 5, 6].map(port => ({ port, started: BEGAN + port, packets: 5 }));
    const first = await ExporterLife.begin(path, BEGAN, [told]);
    first.now += 10;
    await first.end(connections, takes); // in batches of four
    t.is(told.length, takes);
    const next = await nextLife(path, connections);
    await next.life.end(connections);
    const packets = [...told, ...next.told].reduce((sum, { deltas }) => sum + Number(deltas[0] + deltas[2]), 0);
    t.is(packets, 60);
    t.deepEqual(next.stats.restartUncertain, NONE);
  });
}

test('a new destination counts from first sight; a known one continues', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  connections[0].packets += 3;
  const told: Report[][] = [[], []];
  const life = await ExporterLife.begin(path, BEGAN + 1_000, told);
  await life.poll(connections);
  await life.export(true);
  t.deepEqual(
    told[0].map(({ port, deltas }) => [port, deltas[0]]),
    [[1, 3n]],
  );
  t.deepEqual(told[1], []);
  connections[1].packets += 2;
  await life.poll(connections);
  await life.export(true);
  t.deepEqual(
    told[1].map(({ port, deltas }) => [port, deltas[0]]),
    [[2, 2n]],
  );
  t.is(life.journal.stats().restored, 3, 'a connection counts once');
  await life.end(connections);
});

test('counters zeroed while no exporter ran count from zero', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  connections[0].packets = 2;
  const { life, told } = await nextLife(path, connections);
  t.deepEqual(
    told.map(({ port, deltas }) => [port, deltas[0]]),
    [[1, 2n]],
  );
  await life.end(connections);
});

test('counters zeroed before the end are exported, with the unexported rest of the old ones', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  const second = await nextLife(path, connections);
  connections[0].packets = 14; // 4 of them not told
  await second.life.poll(connections);
  connections[0].packets = 3;
  await second.life.poll(connections);
  await second.life.journal.close(); // killed
  const third = await nextLife(path, connections, BEGAN + 2_000);
  t.deepEqual(
    third.told.map(({ port, deltas }) => [port, deltas[0]]),
    [[1, 7n]],
  );
  await third.life.end(connections);
});

test('a truncated last block is no damage', async t => {
  const path = temporaryPath(t, 'state');
  const connections = await firstLife(path);
  const { size } = statSync(path);
  appendFileSync(path, readFileSync(path).subarray(64, 84));
  const { life, stats } = await nextLife(path, connections);
  t.is(stats.restored, 3);
  t.true(stats.size >= size);
  await life.end(connections);
});

const refusals: [string, RegExp, (path: string) => void, object?][] = [
  ['damaged', /damaged at byte/, path => change(path, 100)],
  ['with a damaged header', /header is damaged/, path => change(path, 40)],
  ['of another version', /of version 2/, path => change(path, 8, 3)],
  ['that is none', /not a state file/, path => writeFileSync(path, 'my own notes\n')],
  ['that is empty', /not a state file/, path => truncateSync(path)],
  ['of another boot', /another boot/, () => {}, { identity: { ...HOST, boot: HOST.boot.replace('0', '1') } }],
  ['of another namespace', /another network namespace/, () => {}, { identity: { ...HOST, namespace: 7 } }],
];
for (const [what, why, spoil, changed] of refusals) {
  test(`a file ${what} is refused with a reason and renamed, and the run continues with a new one`, async t => {
    const path = temporaryPath(t, 'state');
    const connections = await firstLife(path);
    spoil(path);
    const before = readFileSync(path);
    const { journal, lines } = await openJournal(path, changed);
    const [{ msg }] = lines;
    t.regex(String(msg), why);
    t.is(lines.length, 1);
    t.deepEqual(readFileSync(`${path}.refused`), before);
    journal.destination('collector 0', BEGAN + 1_000);
    await journal.close();
    if (changed) return;
    // the new one is good
    const { stats } = await nextLife(path, connections, BEGAN + 2_000);
    t.is(stats.restored, 0);
  });
}

function change(path: string, at: number, by = 0xff): void {
  const bytes = readFileSync(path);
  bytes[at] ^= by;
  writeFileSync(path, bytes);
}

test('a path that cannot be written is an error at startup, and leaves no lock', async t => {
  const folder = temporaryPath(t, 'folder');
  const nowhere = await t.throwsAsync(openJournal(`${folder}/none/state`), { instanceOf: CtflowError });
  t.is(nowhere.code, 'CTFLOW_STATE');
  mkdirSync(folder);
  const error = await t.throwsAsync(openJournal(folder), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_STATE');
  t.false(existsSync(`${folder}.lock`));
});

test('a disk error ends the journal and not the run, and no later start uses the file', async t => {
  const path = temporaryPath(t, 'state');
  let full = false;
  const { journal, lines } = await openJournal(path, {
    write: (fd, bytes) => {
      if (!full) return writeSync(fd, bytes);
      // a part still fits
      if (bytes.length > 8) return writeSync(fd, bytes.subarray(0, 8));
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
    },
  });
  const memory = journal.destination('collector 0', BEGAN);
  full = true;
  for (let batch = 1; batch <= 3; batch++) {
    memory.evicted(new Uint32Array(ROW_WORDS), 0, new Uint32Array(COUNTER_WORDS), 0, 0, 0);
    memory.flush();
  }
  t.is(lines.filter(({ level }) => level === 50).length, 1, 'said once');
  t.regex(JSON.stringify(lines), /ENOSPC.*Free disk space/);
  t.is(journal.stats().errors, 1);
  t.false(existsSync(path));
  await journal.close();
});

test('a journal that has grown is rewritten while it grows on, with the same content', async t => {
  const path = temporaryPath(t, 'state');
  const told: Report[] = [];
  const life = await ExporterLife.begin(path, BEGAN, [told], { maxConnections: 2_000 });
  const connections = Array.from({ length: 1_000 }, (_, i) => ({ port: i + 1, started: BEGAN + 1, packets: 1 }));
  let size = 0;
  let shrunk = 0;
  const round = async (): Promise<void> => {
    life.now += 10;
    for (const connection of connections) connection.packets++;
    await life.poll(connections);
    await life.export(true);
    const before = size;
    ({ size } = life.journal.stats());
    if (size < before) shrunk++;
  };
  for (let rounds = 0; rounds < 30; rounds++) await round();
  // it is read on threads that may be held up: it grows as long as that takes
  await eventually('written anew', async () => {
    await round();
    return life.journal.stats().compactions >= 2;
  });
  t.true(shrunk > 0, 'what was said twice is gone');
  await life.end(connections.slice(0, 900));
  const next = await nextLife(path, connections.slice(0, 900), BEGAN + 10_000);
  t.deepEqual(next.told, []);
  t.like(next.stats, { restored: 900, endedWhileDown: 0 });
  await next.life.end([]);
});
