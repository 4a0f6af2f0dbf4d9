import test from 'ava';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { FlowListeners } from '../../src/store/flow-listeners.js';
import type { StoreListener, SlotHolder } from '../../src/store/flow-store.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';

const ROW = new Uint32Array(ROW_SIZE / 4);

function listener(name: string, told: string[]): Required<StoreListener> {
  return {
    added: (slot, before) => void told.push(`${name} added ${slot} ${before}`),
    changed: (slot, what) => void told.push(`${name} changed ${slot} ${what}`),
    gone: (slot, reason) => void told.push(`${name} gone ${slot} ${reason}`),
    evicted: (slot, reason) => void told.push(`${name} evicted ${slot} ${reason}`),
    cleared: () => void told.push(`${name} cleared`),
  };
}

function holder(name: string, told: string[]): SlotHolder {
  return {
    ...listener(name, told),
    countersReset: slot => void told.push(`${name} countersReset ${slot}`),
    foundNew: slot => void told.push(`${name} foundNew ${slot}`),
  };
}

test('subscribers are called before the holders, whoever came first', t => {
  const told: string[] = [];
  const listeners = new FlowListeners(new ConnectionTable(1));
  listeners.hold(holder('a', told));
  listeners.subscribe(listener('b', told));
  listeners.hold(holder('c', told));
  listeners.subscribe(listener('d', told));
  listeners.added(0, true);
  t.deepEqual(told, ['b added 0 true', 'd added 0 true', 'a added 0 true', 'c added 0 true']);
});

test('what concerns reports alone goes to holders alone', t => {
  const told: string[] = [];
  const listeners = new FlowListeners(new ConnectionTable(1));
  listeners.subscribe(listener('a', told));
  listeners.hold(holder('b', told));
  listeners.countersReset(3);
  listeners.foundNew(4);
  t.deepEqual(told, ['b countersReset 3', 'b foundNew 4']);
});

test('a slot is free when the last holder has released it', t => {
  const table = new ConnectionTable(1);
  const listeners = new FlowListeners(table);
  listeners.hold(holder('a', []));
  listeners.hold(holder('b', []));
  const slot = table.allocate(ROW, 0);
  listeners.acquire(slot);
  listeners.gone(slot, 3);
  t.is(table.count, 1);
  listeners.release(slot);
  t.is(table.count, 1);
  listeners.release(slot);
  t.is(table.count, 0);
});

test('a slot that nobody holds is free when it is gone; one that is evicted is free at once', t => {
  const told: string[] = [];
  const table = new ConnectionTable(1);
  const listeners = new FlowListeners(table);
  listeners.subscribe(listener('a', told));
  listeners.acquire(table.allocate(ROW, 0));
  listeners.gone(0, 3);
  t.is(table.count, 0);
  listeners.hold(holder('b', told));
  listeners.acquire(table.allocate(ROW, 0));
  listeners.evicted(0, 5);
  t.is(table.count, 0);
  t.deepEqual(told, ['a gone 0 3', 'a evicted 0 5', 'b evicted 0 5']);
});

test('there are no more holders than a slot can count', t => {
  const listeners = new FlowListeners(new ConnectionTable(1));
  for (let i = 0; i < 255; i++) listeners.hold(holder('a', []));
  t.throws(() => listeners.hold(holder('b', [])), { code: 'CTFLOW_USAGE' });
});
