import test from 'ava';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { filterWords } from '../../src/row/filter.js';
import { ORIG_SPORT } from '../../src/row/layout.generated.js';
import { DestroyLog, type DestroyLogOptions } from '../../src/state/destroy-log.js';
import { udp } from '../helpers/builders/connections.js';
import { DestroyLogWriter } from '../helpers/builders/destroy-log-writer.js';
import { HOST } from '../helpers/builders/journals.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { rows } from '../helpers/builders/rows.js';
import { temporaryPath } from '../helpers/temporary.js';

const ALL = filterWords({});

function open(path: string, changed: Partial<DestroyLogOptions> = {}) {
  const { log, lines } = listeningLogger();
  const ends = DestroyLog.load({ path, identity: HOST, log, fresh: false, capacity: 8, ...changed });
  return { ends, lines };
}

/** Begins, and writes rows of these ports down. */
async function heard(path: string, ports: readonly number[], changed: Partial<DestroyLogOptions> = {}) {
  const { ends, lines } = open(path, changed);
  await ends.replay(ALL, () => {});
  const pen = new DestroyLogWriter(ends.open()!);
  ends.setWriter(pen);
  pen.append(rows(...ports.map(port => udp(port, 1_000, [1, 2, 3, 4]))));
  return { ends, pen, lines };
}

/** What another exporter finds. */
async function found(path: string, words = ALL): Promise<number[]> {
  const { ends } = open(path);
  const ports: number[] = [];
  await ends.replay(words, batch => {
    for (let row = 0; row < batch.count; row++) ports.push(batch.u16[(row * batch.size + ORIG_SPORT) >> 1]);
  });
  ends.close(false);
  return ports;
}

test('logged destroys are read by the next exporter, in order', async t => {
  const path = temporaryPath(t, 'ends');
  await heard(path, [5, 3, 9]);
  t.deepEqual(await found(path), [5, 3, 9]);
  t.deepEqual(await found(path), [5, 3, 9], 'until it is told');
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('the next exporter appends after what it has read', async t => {
  const path = temporaryPath(t, 'ends');
  await heard(path, [1, 2]);
  await heard(path, [3]);
  t.deepEqual(await found(path), [1, 2, 3]);
});

test('connections that the filter now excludes are not exported', async t => {
  const path = temporaryPath(t, 'ends');
  await heard(path, [1, 2]);
  t.deepEqual(await found(path, filterWords({ protocols: [6] })), []);
});

test('records that every destination has settled are free, and nothing else', async t => {
  const path = temporaryPath(t, 'ends');
  const { ends, pen } = await heard(path, [1, 2, 3]);
  ends.delivered(2);
  ends.settle([
    { pushed: 2, settled: 2 },
    { pushed: 2, settled: 1 },
  ]);
  t.deepEqual(await found(path), [1, 2, 3], 'one waits');
  ends.delivered(1);
  ends.settle([
    { pushed: 3, settled: 3 },
    { pushed: 3, settled: 2 },
  ]);
  t.deepEqual(await found(path), [3]);
  pen.append(rows(udp(4, 1_000, [1, 2, 3, 4])));
  ends.settle([
    { pushed: 3, settled: 3 },
    { pushed: 3, settled: 3 },
  ]);
  t.deepEqual(await found(path), [4], 'what the store was not told of stays');
});

test('a slow destination keeps its unexported records; without room new ones are counted, and logged once', async t => {
  const path = temporaryPath(t, 'ends');
  const { ends, pen, lines } = await heard(path, [1, 2, 3], { capacity: 3 });
  ends.delivered(3);
  ends.settle([{ pushed: 3, settled: 0 }]);
  pen.append(rows(udp(4, 1_000, [1, 2, 3, 4])));
  for (let again = 0; again < 2; again++) ends.warnIfIncomplete();
  t.like(ends.stats(), { written: 3, full: 1, failed: 0 });
  t.is(lines.filter(({ msg }) => String(msg).includes('cannot be written')).length, 1);
  ends.delivered(1);
  ends.settle([{ pushed: 4, settled: 3 }]);
  pen.append(rows(udp(5, 1_000, [1, 2, 3, 4])));
  t.deepEqual(await found(path), [5]);
});

test('without a journal the log is removed', async t => {
  const path = temporaryPath(t, 'ends');
  await heard(path, [1]);
  const { ends } = open(path, { fresh: true });
  t.false(existsSync(path));
  let batches = 0;
  await ends.replay(ALL, () => batches++);
  t.is(batches, 0);
});

test('an exporter that closes leaves no file, one that could not open leaves it', async t => {
  const path = temporaryPath(t, 'ends');
  const { ends } = await heard(path, [1]);
  ends.close(false);
  t.deepEqual(await found(path), [1]);
  open(path).ends.close(true);
  t.false(existsSync(path));
});

test('without events there is no file', async t => {
  const path = temporaryPath(t, 'ends');
  const { ends } = open(path);
  await ends.replay(ALL, () => {});
  ends.settle([{ pushed: 5, settled: 5 }]);
  ends.close(false);
  t.false(existsSync(path));
});

test('a file of another exporter is renamed, and logged', async t => {
  const path = temporaryPath(t, 'ends');
  await heard(path, [1]);
  const bytes = readFileSync(path);
  const { ends, lines } = open(path, { identity: { ...HOST, namespace: 7 } });
  t.regex(String(lines[0]['msg']), /another network namespace/);
  t.deepEqual(readFileSync(`${path}.refused`), bytes);
  t.truthy(ends.open(), 'a new one is begun');
  writeFileSync(path, 'my own notes\n');
  t.regex(String(open(path).lines[0]['msg']), /not a destroy log of ctflow/);
});

test('a path that cannot be written is an error', t => {
  const { ends } = open(`${temporaryPath(t, 'folder')}/none/state.ends`);
  t.throws(() => ends.open(), { message: /none\/state\.ends cannot be written/ });
});

test('after the journal has failed nothing is logged', async t => {
  const path = temporaryPath(t, 'ends');
  const { ends } = await heard(path, [1]);
  t.true(ends.discard());
  t.false(existsSync(path));
  ends.delivered(1);
  ends.settle([{ pushed: 1, settled: 1 }]);
  t.is(ends.open(), undefined);
});
