import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { EventCounts } from '../../native/binding.js';
import type { EventOptions } from '../../src/sources/events.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import type { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { EventSource, type Listener } from '../../src/sources/events.js';
import { NO_EVENTS } from '../helpers/fakes/fake-events.js';
import { nativeFailure } from '../helpers/fakes/native-failure.js';

/** A listener that a test fills; rows hold their number in the first word. */
class FakeListener implements Listener {
  rows: number[] = [];
  failure: Error | undefined;
  closed = false;
  left = false;
  overrun = 0;
  onReady = (): void => {};
  marks: [number: number, before: number][] = [];
  #drains = 0;
  #passed = 0;

  open = (onReady: () => void): Listener => {
    this.onReady = onReady;
    return this;
  };

  take(bytes: Uint8Array): number {
    const rows = new Uint32Array(bytes.buffer);
    const taken = this.rows.splice(0, bytes.length / ROW_SIZE);
    for (const [at, row] of taken.entries()) rows[(at * ROW_SIZE) >> 2] = row;
    for (const mark of this.marks) mark[1] -= taken.length;
    for (; this.marks.length > 0 && this.marks[0][1] <= 0; this.marks.shift()) this.#passed = this.marks[0][0];
    if (taken.length === 0 && this.failure) throw this.failure;
    return taken.length;
  }

  drain(): number {
    return ++this.#drains;
  }

  /** What the thread does for the last drain. */
  mark(): void {
    this.marks.push([this.#drains, this.rows.length]);
  }

  drained(): number {
    return this.#passed;
  }

  leave(): void {
    this.left = true;
  }

  takeMessages(): null {
    return null;
  }

  isGuarded(): boolean {
    return true;
  }

  guardFailure(): null {
    return null;
  }

  pressure(): null {
    return null;
  }

  renewLeases(): void {}

  close(): void {
    this.closed = true;
  }

  counts(): EventCounts {
    return { ...NO_EVENTS, overrun: this.overrun };
  }

  receiveBuffer(): number {
    return 4096;
  }

  destroyLogCounts(): null {
    return null;
  }

  freeDestroyLog(): void {}
  replaceDestroyLog(): void {}

  setBroadcastError(): void {
    throw nativeFailure('CTFLOW_NETLINK', 'The event listener is closed');
  }

  async dyingCount(): Promise<number> {
    throw nativeFailure('CTFLOW_PERMISSION', "Cannot read the kernel's list of dying connections");
  }
}

/** An event source over a fake, and what it delivered: the numbers of each batch. */
function fake(t: ExecutionContext, room?: () => number) {
  const listener = new FakeListener();
  const batches: number[][] = [];
  const errors: Error[] = [];
  const source = new EventSource(listener.open, {
    onBatch: ({ count, u32 }: Batch) => {
      t.true(count > 0);
      batches.push(Array.from({ length: count }, (_, row) => u32[(row * ROW_SIZE) >> 2]));
    },
    onError: error => errors.push(error),
    ...(room && { room }),
  });
  return { listener, source, batches, errors };
}

const numbers = (length: number) => Array.from({ length }, (_, n) => n);

test('no more rows are taken than the receiver has room for; the others wait, and a drain that need not wait does not', async t => {
  let room = 10;
  const { listener, source, batches } = fake(t, () => room);
  listener.rows = numbers(50);
  listener.onReady();
  t.deepEqual(batches, [numbers(10)]);
  room = 0;
  let done = false;
  const patient = source.drain().then(() => (done = true));
  const hasty = source.drainUnlessHeld();
  listener.mark();
  t.false(await hasty);
  t.false(await source.drainUnlessHeld());
  listener.onReady();
  t.is(batches.length, 1);
  t.false(done);
  room = 2_000;
  await patient;
  t.deepEqual(batches.flat(), numbers(50));
  const last = source.drainUnlessHeld();
  listener.mark();
  listener.onReady();
  t.true(await last);
});

test('many rows are delivered one batch per turn of the event loop', async t => {
  const { listener, batches } = fake(t);
  listener.rows = numbers(3000);
  listener.onReady();
  t.deepEqual(
    batches.map(batch => batch.length),
    [1024],
  );
  listener.onReady(); // the thread wakes once more: no batch out of turn
  t.is(batches.length, 1);
  await turn();
  t.deepEqual(
    batches.map(batch => batch.length),
    [1024, 1024],
  );
  for (let left = 5; left > 0; left--) await turn();
  t.deepEqual(batches.flat(), numbers(3000));
  listener.rows = [7];
  listener.onReady();
  t.deepEqual(batches.at(-1), [7], 'and it is there for the next');
});

test('a drain settles when everything before it is delivered', async t => {
  const { listener, source, batches } = fake(t);
  const settled: string[] = [];
  listener.rows = numbers(1500);
  const first = source.drain().then(() => settled.push('first'));
  await turn();
  listener.onReady();
  t.deepEqual(settled, [], 'the thread has not read to the end');
  listener.mark();
  const second = source.drain().then(() => settled.push('second'));
  await first;
  t.is(batches.flat().length, 1500);
  t.deepEqual(settled, ['first']);
  await turn();
  listener.mark();
  listener.onReady();
  await second;
  t.deepEqual(settled, ['first', 'second'], 'without a row');
});

test('close ends delivery, also during one, and settles drains', async t => {
  const listener = new FakeListener();
  let batches = 0;
  const source = new EventSource(listener.open, {
    onBatch: () => {
      batches++;
      source.close();
    },
    onError: error => t.fail(error.message),
  });
  listener.rows = numbers(3000);
  const drained = source.drain();
  listener.onReady();
  await drained;
  await turn();
  listener.onReady();
  t.is(batches, 1);
  t.true(listener.closed);
  await t.notThrowsAsync(source.drain());
});

test('the next batch is taken when the receiver is done with the last, and a drain waits for it', async t => {
  const listener = new FakeListener();
  const seen: number[] = [];
  const open: (() => void)[] = [];
  const source = new EventSource(listener.open, {
    onBatch: async ({ count }) => {
      await new Promise<void>(done => open.push(done));
      seen.push(count);
    },
    onError: error => t.fail(error.message),
  });
  listener.rows = numbers(1500);
  let drained = false;
  const drain = source.drain().then(() => (drained = true));
  listener.mark();
  listener.onReady();
  for (let i = 0; i < 3; i++) await turn();
  listener.onReady();
  t.deepEqual([open.length, seen], [1, []]);
  open[0]();
  await turn();
  await turn();
  t.deepEqual([open.length, seen, drained], [2, [1024], false]);
  open[1]();
  await drain;
  t.deepEqual(seen, [1024, 476]);
});

test('leaving the groups settles when everything received before is delivered', async t => {
  const { listener, source, batches } = fake(t);
  listener.rows = numbers(1500);
  const left = source.leave();
  t.true(listener.left);
  listener.mark();
  listener.onReady();
  await left;
  t.is(batches.flat().length, 1500);
  t.false(listener.closed);
});

test('an overrun is reported once, before the rows that were read after it', async t => {
  const listener = new FakeListener();
  const told: string[] = [];
  const source = new EventSource(listener.open, {
    onBatch: ({ count }) => void told.push(`${count} rows`),
    onOverrun: () => told.push('overrun'),
    onError: error => t.fail(error.message),
  });
  const ready = async (rows: number, overrun: number): Promise<void> => {
    listener.rows = numbers(rows);
    listener.overrun = overrun;
    listener.onReady();
    await turn();
    await turn();
  };
  await ready(1, 0);
  await ready(2, 3);
  await ready(1, 3);
  await ready(0, 4);
  t.deepEqual(told, ['1 rows', 'overrun', '2 rows', '1 rows', 'overrun']);
  source.close();
});

test('a listener that fails is closed, and its error reported once, after its rows', async t => {
  const { listener, source, batches, errors } = fake(t);
  listener.rows = [1];
  listener.failure = nativeFailure(
    'CTFLOW_NETLINK',
    'Cannot listen to conntrack events: Bad file descriptor (os error 9)',
  );
  const drained = source.drain();
  listener.onReady();
  t.deepEqual([batches, errors], [[[1]], []]);
  await drained;
  const [error] = errors;
  t.true(error instanceof CtflowError && error.code === 'CTFLOW_NETLINK');
  t.true(listener.closed);
  listener.onReady();
  t.is(errors.length, 1);
});

test("the native module's errors are typed", async t => {
  const { source } = fake(t);
  t.is(t.throws(() => source.setBroadcastError(false), { instanceOf: CtflowError }).code, 'CTFLOW_NETLINK');
  t.is((await t.throwsAsync(source.dyingCount(1), { instanceOf: CtflowError })).code, 'CTFLOW_PERMISSION');
});

test('events are for native only', t => {
  const options: EventOptions = { filter: {}, kinds: ['destroy'], receiveBuffer: 4096, broadcastError: true };
  const receiver = { onBatch: () => {}, onError: () => {} };
  const error = t.throws(() => createFallbackBackend().openEvents(options, receiver), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_BACKEND_LACKS');
});
