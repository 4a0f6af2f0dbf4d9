import test from 'ava';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { FlowListeners } from '../../src/store/flow-listeners.js';
import type { StoreListener, StoreObserver } from '../../src/store/flow-store.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';

const ROW = new Uint32Array(ROW_SIZE / 4);

function listener(name: string, told: string[]): StoreListener {
  return {
    added: (slot, before) => void told.push(`${name} added ${slot} ${before}`),
    changed: (slot, what) => void told.push(`${name} changed ${slot} ${what}`),
    gone: (slot, reason) => void told.push(`${name} gone ${slot} ${reason}`),
    evicted: (slot, reason) => void told.push(`${name} evicted ${slot} ${reason}`),
    cleared: () => void told.push(`${name} cleared`),
  };
}

function observer(name: string, told: string[]): StoreObserver {
  return {
    ...listener(name, told),
    countersReset: slot => void told.push(`${name} countersReset ${slot}`),
    foundNew: slot => void told.push(`${name} foundNew ${slot}`),
  };
}

test('those that attend are told before the observers, whoever came first', t => {
  const told: string[] = [];
  const listeners = new FlowListeners(new ConnectionTable(1));
  listeners.observe(observer('a', told));
  listeners.attend(listener('b', told));
  listeners.observe(observer('c', told));
  listeners.attend(listener('d', told));
  listeners.added(0, true);
  t.deepEqual(told, ['b added 0 true', 'd added 0 true', 'a added 0 true', 'c added 0 true']);
});

test('what concerns reports alone is told to observers alone', t => {
  const told: string[] = [];
  const listeners = new FlowListeners(new ConnectionTable(1));
  listeners.attend(listener('a', told));
  listeners.observe(observer('b', told));
  listeners.countersReset(3);
  listeners.foundNew(4);
  t.deepEqual(told, ['b countersReset 3', 'b foundNew 4']);
});

test('a slot is free when the last observer has let go of it', t => {
  const table = new ConnectionTable(1);
  const listeners = new FlowListeners(table);
  listeners.observe(observer('a', []));
  listeners.observe(observer('b', []));
  const slot = table.allocate(ROW, 0);
  listeners.hold(slot);
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
  listeners.attend(listener('a', told));
  listeners.hold(table.allocate(ROW, 0));
  listeners.gone(0, 3);
  t.is(table.count, 0);
  listeners.observe(observer('b', told));
  listeners.hold(table.allocate(ROW, 0));
  listeners.evicted(0, 5);
  t.is(table.count, 0);
  t.deepEqual(told, ['a gone 0 3', 'a evicted 0 5', 'b evicted 0 5']);
});

test('there are no more observers than a slot can count', t => {
  const listeners = new FlowListeners(new ConnectionTable(1));
  for (let i = 0; i < 255; i++) listeners.observe(observer('a', []));
  t.throws(() => listeners.observe(observer('b', [])), { code: 'CTFLOW_USAGE' });
});
