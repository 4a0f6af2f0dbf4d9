/** What others do to a state file: put back, delete, fill the disk, link, lock, craft. */
import test from 'ava';
import { COUNTER_WORDS } from '../../src/schedule/export-state.js';
import { ROW_WORDS } from '../../src/row/layout.generated.js';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { CtflowError } from '../../src/common/errors.js';
import { DESTINATION, EXPORTED, ENTRY_WORDS } from '../../src/state/entry-block.js';
import { destinationPayload } from '../../src/state/journal-contents.js';
import { encodeFileHeader } from '../../src/state/journal-file.js';
import { withoutNative } from '../helpers/backends.js';
import { block, entry, HOST, openJournal } from '../helpers/builders/journals.js';
import { ExporterLife, type KernelConnection } from '../helpers/rigs/exporter-life.js';
import type { Report } from '../helpers/rigs/store-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const BEGAN = 1_700_000_000_000;

const three = (): KernelConnection[] => [1, 2, 3].map(port => ({ port, started: BEGAN + port, packets: 10 }));

/** One life that exports these connections. */
async function live(
  path: string,
  now: number,
  connections: readonly KernelConnection[],
  during: (life: ExporterLife) => Promise<void> | void = () => {},
): Promise<{ packets: number; log: Record<string, unknown>[]; stats: ReturnType<ExporterLife['journal']['stats']> }> {
  const told: Report[] = [];
  const life = await ExporterLife.begin(path, now, [told], { ends: 64 });
  for (let turn = 0; turn < 2; turn++) {
    life.now += 10;
    await life.poll(connections);
    await life.export(true);
    if (turn === 0) await during(life);
  }
  const { log } = life;
  const stats = life.journal.stats();
  await life.end(connections);
  return { packets: told.reduce((sum, { deltas }) => sum + Number(deltas[0]), 0), log, stats };
}

const said = (log: readonly Record<string, unknown>[], text: RegExp): number =>
  log.filter(({ msg }) => text.test(String(msg))).length;

if (withoutNative === undefined) {
  test('one exporter at a time, whatever stands in its lock, and the lock file is never removed', async t => {
    const path = temporaryPath(t, 'state');
    for (const left of ['', '999999999 5\n', '1 5\n']) {
      writeFileSync(`${path}.lock`, left);
      const { journal } = await openJournal(path);
      const error = await t.throwsAsync(openJournal(path), { instanceOf: CtflowError });
      t.is(error.code, 'CTFLOW_STATE');
      t.regex(error.message, new RegExp(`in use by process ${process.pid} `));
      await journal.close();
      t.is(readFileSync(`${path}.lock`, 'utf8'), `${process.pid}\n`);
    }
  });

  test('all names of one file have one lock; a hard link and what is no file are refused', async t => {
    const path = temporaryPath(t, 'state');
    const link = `${path}-link`;
    symlinkSync('state', link);
    // the file is not there yet
    const { journal } = await openJournal(link);
    t.true(existsSync(path));
    t.true(existsSync(`${path}.seq`));
    await t.throwsAsync(openJournal(path), { message: /in use/ });
    await journal.close();
    const { journal: again } = await openJournal(path);
    await t.throwsAsync(openJournal(link), { message: /in use/ });
    await again.close();
    linkSync(path, `${path}-hard`);
    await t.throwsAsync(openJournal(path), { instanceOf: CtflowError, message: /more than one name/ });
    symlinkSync('round', `${path}-around`);
    symlinkSync('state-around', `${path.replace(/state$/, 'round')}`);
    await t.throwsAsync(openJournal(`${path}-around`), { instanceOf: CtflowError, message: /leads nowhere|ELOOP/ });
    await t.throwsAsync(openJournal('/dev/zero'), { instanceOf: CtflowError, message: /not a regular file/ });
    spawnSync('mkfifo', [`${path}-fifo`]);
    await t.throwsAsync(openJournal(`${path}-fifo`), { instanceOf: CtflowError, message: /not a regular file/ });
  });

  test('a lock file that is deleted and taken by another exporter ends the use of the state file', async t => {
    const path = temporaryPath(t, 'state');
    const { journal, lines } = await openJournal(path);
    journal.destination('collector 0', BEGAN);
    rmSync(`${path}.lock`);
    await journal.afterPoll(true);
    t.is(said(lines, /lock file was deleted/), 1);
    await t.throwsAsync(openJournal(path), { message: /in use/ });
    rmSync(`${path}.lock`);
    const { journal: other } = await openJournal(path);
    const before = readFileSync(path);
    await journal.afterPoll(true);
    await journal.afterPoll(true);
    t.is(said(lines, /in use by process.*goes on without/), 1);
    await journal.close();
    t.deepEqual(readFileSync(path), before, 'it is left alone');
    await other.close();
  });

  test('links beside the state file are not followed', async t => {
    for (const name of ['lock', 'seq']) {
      const path = temporaryPath(t, 'state');
      const victim = `${path}-victim`;
      writeFileSync(victim, 'mine');
      symlinkSync(victim, `${path}.${name}`);
      await t.throwsAsync(openJournal(path), { instanceOf: CtflowError, message: /cannot be written \(ELOOP\)/ });
      t.is(readFileSync(victim, 'utf8'), 'mine');
    }
  });
}

test('an older copy that is put back is refused, from a stop, from the middle of a run and from before a compaction', async t => {
  const path = temporaryPath(t, 'state');
  const copy = `${path}-copy`;
  const connections = three();
  const more = (): void => connections.forEach(connection => (connection.packets += 5));
  const first = await live(path, BEGAN, connections);
  t.is(first.packets, 30);
  copyFileSync(path, copy);
  more();
  t.is((await live(path, BEGAN + 1_000, connections)).packets, 15);
  copyFileSync(copy, path);
  more();
  const third = await live(path, BEGAN + 2_000, connections, () => copyFileSync(path, copy));
  t.is(said(third.log, /not used: it is an older copy/), 1);
  t.is(third.packets, 0, 'nothing is exported twice');
  more();
  t.is((await live(path, BEGAN + 3_000, connections)).packets, 15, 'and it goes on from there');
  copyFileSync(copy, path);
  t.is(said((await live(path, BEGAN + 4_000, connections)).log, /it is an older copy/), 1);
  rmSync(`${path}.seq`);
  const without = await live(path, BEGAN + 5_000, connections);
  t.is(said(without.log, /not used: .*state\.seq is missing or damaged/), 1);
  // both put back together cannot be known
  copyFileSync(path, copy);
  copyFileSync(`${path}.seq`, `${copy}.seq`);
  more();
  await live(path, BEGAN + 6_000, connections);
  copyFileSync(copy, path);
  copyFileSync(`${copy}.seq`, `${path}.seq`);
  t.is(said((await live(path, BEGAN + 7_000, connections)).log, /not used/), 0);
});

test('a file of an earlier version, which has no sequence, is used once', async t => {
  const path = temporaryPath(t, 'state');
  const name = { name: 'collector 0', since: BEGAN };
  const payload = destinationPayload(name);
  const blocks = Array.from({ length: payload.length / ENTRY_WORDS }, (_, i) =>
    payload.slice(i * ENTRY_WORDS, (i + 1) * ENTRY_WORDS),
  );
  writeFileSync(path, Buffer.concat([encodeFileHeader(HOST), block(DESTINATION, blocks)]));
  const old = readFileSync(path);
  const connections = three();
  const { packets, log } = await live(path, BEGAN + 1_000, connections);
  t.is(said(log, /not used/), 0);
  t.is(packets, 30);
  writeFileSync(path, old);
  t.is(said((await live(path, BEGAN + 2_000, connections)).log, /it is an older copy/), 1);
});

const harms: [string, RegExp, (path: string) => void][] = [
  ['deleted', /state file was deleted or replaced/, path => rmSync(path)],
  [
    'replaced',
    /state file was deleted or replaced/,
    path => {
      writeFileSync(`${path}-other`, 'other');
      renameSync(`${path}-other`, path);
    },
  ],
  ['truncated', /state file was truncated/, path => truncateSync(path)],
  ['written to', /state file was written by another program/, path => writeFileSync(path, 'x', { flag: 'a' })],
  ['robbed of its sequence', /sequence file was changed/, path => rmSync(`${path}.seq`)],
  ['robbed of its destroy log', /destroy log was deleted/, path => rmSync(`${path}.ends`)],
  ['left with a truncated destroy log', /destroy log was deleted/, path => truncateSync(`${path}.ends`)],
];
for (const [what, text, harm] of harms) {
  test(`a state file that is ${what} while in use: it is said at the next poll and goes on, and nothing is exported twice`, async t => {
    const path = temporaryPath(t, 'state');
    const connections = three();
    const { log, packets, stats } = await live(path, BEGAN, connections, () => {
      harm(path);
      connections[0].packets += 7;
    });
    t.is(said(log, text), 1);
    t.is(packets, 37);
    t.is(stats.errors, 0);
    connections.forEach(connection => (connection.packets += 5));
    const next = await live(path, BEGAN + 1_000, connections);
    t.is(said(next.log, /not used/), 0);
    t.true(next.packets <= 15, `${next.packets}`);
    connections.forEach(connection => (connection.packets += 5));
    t.is((await live(path, BEGAN + 2_000, connections)).packets, 15);
  });
}

test('a full disk that has room again: the file is begun anew, and goes on', async t => {
  const path = temporaryPath(t, 'state');
  let full = false;
  const { journal, lines } = await openJournal(path, {
    write: (fd, bytes) => {
      if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      return writeSync(fd, bytes);
    },
  });
  const memory = journal.destination('collector 0', BEGAN);
  full = true;
  for (let poll = 0; poll < 3; poll++) {
    memory.evicted(new Uint32Array(ROW_WORDS), 0, new Uint32Array(COUNTER_WORDS), 0, 0, 0);
    await journal.afterPoll(true);
  }
  t.false(existsSync(path));
  t.is(said(lines, /cannot be written/), 1, 'said once');
  full = false;
  await journal.afterPoll(true);
  t.is(said(lines, /can be written again/), 1);
  t.true(existsSync(path));
  t.is(journal.stats().begunAnew, 1);
  await journal.close();
  const { journal: next, lines: later } = await openJournal(path);
  t.true(next.destination('collector 0', BEGAN + 1).since > BEGAN + 1, 'nothing counts as never exported');
  t.is(said(later, /not used/), 0);
  await next.close();
});

test('a crafted file with valid checksums and far numbers is read in no time', async t => {
  const path = temporaryPath(t, 'state');
  const entries = Array.from({ length: 1024 }, (_, i) => entry(i, 5, [1, 2, 3, 4], { destination: 65_535 }));
  const named = (number: number): Uint8Array => {
    const payload = destinationPayload({ name: `collector ${number}`, since: BEGAN });
    return block(DESTINATION, [payload.slice(0, ENTRY_WORDS)], 0, number);
  };
  const many = Array.from({ length: 40 }, () => block(EXPORTED, entries, 0, 65_535));
  writeFileSync(path, Buffer.concat([encodeFileHeader(HOST), named(65_535), ...many]));
  const { journal, lines } = await openJournal(path);
  t.is(said(lines, /not used/), 0);
  const { number } = journal.destination('another', BEGAN);
  t.true(number < 65_535);
  await journal.afterPoll(true);
  t.is(journal.stats().endedWhileDown, 1024);
  await journal.close();
  rmSync(`${path}.seq`);
  writeFileSync(path, Buffer.concat([encodeFileHeader(HOST), ...Array.from({ length: 2_000 }, (_, i) => named(i))]));
  const { journal: next, lines: refused } = await openJournal(path);
  t.is(said(refused, /blocks contradict/), 1);
  await next.close();
});

test('a destination goes on under its new name with what was exported under its former ones, and no two with the same', async t => {
  const path = temporaryPath(t, 'state');
  const { journal } = await openJournal(path);
  const { number } = journal.destination('udp://c:1 7 standard', BEGAN);
  await journal.close();
  const former = ['udp://c:1', 'udp://c:1 9 standard'];
  const formerNames = new Map([['udp://c:1 9 standard', 'udp://c:1 7 standard']]);
  // flags, then a name in the file, then the same once more
  for (const [name, candidates] of [
    ['udp://c:1', former.slice(1)],
    ['main', former],
    ['main', []],
  ] as const) {
    const { journal: next } = await openJournal(path, { formerNames });
    t.like(next.destination(name, BEGAN + 1_000, candidates), { number, since: BEGAN, name });
    const other = next.destination('other', BEGAN + 1_000, former);
    t.true(other.number !== number && other.since === BEGAN + 1_000, 'its history is taken');
    await next.close();
  }
});

test('a destination is known by the name that it had under the former default domain, and has the new one from then on', async t => {
  const path = temporaryPath(t, 'state');
  const { journal } = await openJournal(path);
  const { number } = journal.destination('udp://c:1 7 standard', BEGAN);
  await journal.close();
  const formerNames = new Map([['udp://c:1 9 standard', 'udp://c:1 7 standard']]);
  for (let again = 0; again < 2; again++) {
    const { journal: next } = await openJournal(path, again === 0 ? { formerNames } : {});
    const destination = next.destination('udp://c:1 9 standard', BEGAN + 1_000);
    t.like(destination, { number, since: BEGAN, name: 'udp://c:1 9 standard' });
    await next.close();
  }
});
