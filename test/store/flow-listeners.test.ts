import test from 'ava';
import { ConnectionTable, GONE } from '../../src/store/connection-table.js';
import { FlowListeners } from '../../src/store/flow-listeners.js';
import type { StoreListener, SlotHolder } from '../../src/store/flow-store.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';

const ROW = new Uint32Array(ROW_SIZE / 4);

function listener(name: string, calls: string[]): Required<StoreListener> {
  return {
    added: (slot, before) => void calls.push(`${name} added ${slot} ${before}`),
    changed: (slot, what) => void calls.push(`${name} changed ${slot} ${what}`),
    gone: (slot, reason) => void calls.push(`${name} gone ${slot} ${reason}`),
    evicted: (slot, reason) => void calls.push(`${name} evicted ${slot} ${reason}`),
    cleared: () => void calls.push(`${name} cleared`),
  };
}

function holder(name: string, calls: string[]): SlotHolder {
  return {
    ...listener(name, calls),
    over: (slot, reason) => void calls.push(`${name} over ${slot} ${reason}`),
    countersReset: slot => void calls.push(`${name} countersReset ${slot}`),
    foundNew: slot => void calls.push(`${name} foundNew ${slot}`),
    lost: ({ packets }) => void calls.push(`${name} lost ${packets}`),
  };
}

test('subscribers are called before holders, whatever their order', t => {
  const calls: string[] = [];
  const listeners = new FlowListeners(new ConnectionTable(1));
  listeners.hold(holder('a', calls));
  listeners.subscribe(listener('b', calls));
  listeners.hold(holder('c', calls));
  listeners.subscribe(listener('d', calls));
  listeners.added(0, true);
  t.deepEqual(calls, ['b added 0 true', 'd added 0 true', 'a added 0 true', 'c added 0 true']);
});

test('events about exports are for holders only', t => {
  const calls: string[] = [];
  const listeners = new FlowListeners(new ConnectionTable(1));
  listeners.subscribe(listener('a', calls));
  listeners.hold(holder('b', calls));
  listeners.countersReset(3);
  listeners.foundNew(4);
  listeners.lost({ connections: 1, packets: 5, octets: 6 });
  t.deepEqual(calls, ['b countersReset 3', 'b foundNew 4', 'b lost 5']);
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

test('a slot without holders is free when its connection is gone; an evicted one is free at once', t => {
  const calls: string[] = [];
  const table = new ConnectionTable(1);
  const listeners = new FlowListeners(table);
  listeners.subscribe(listener('a', calls));
  listeners.acquire(table.allocate(ROW, 0));
  listeners.gone(0, 3);
  t.is(table.count, 0);
  listeners.hold(holder('b', calls));
  listeners.acquire(table.allocate(ROW, 0));
  listeners.evicted(0, 5);
  t.is(table.count, 0);
  t.deepEqual(calls, ['a gone 0 3', 'a evicted 0 5', 'b evicted 0 5']);
});

test('more holders than a slot can count are refused', t => {
  const listeners = new FlowListeners(new ConnectionTable(1));
  for (let i = 0; i < 255; i++) listeners.hold(holder('a', []));
  t.throws(() => listeners.hold(holder('b', [])), { code: 'CTFLOW_USAGE' });
});

test('a holder that comes while flows are open holds these, and one that leaves holds none', t => {
  const table = new ConnectionTable(4);
  const listeners = new FlowListeners(table);
  const first = holder('a', []);
  listeners.hold(first);
  const [open, over] = [table.allocate(ROW, 0), table.allocate(ROW, 0)];
  for (const slot of [open, over]) listeners.acquire(slot);
  table.flags[over] |= GONE;
  listeners.gone(over, 3);
  const second = holder('b', []);
  listeners.hold(second);
  t.deepEqual([table.holders[open], table.holders[over]], [2, 1], 'what was over before is not for it');
  listeners.release(over);
  t.is(table.count, 1);
  listeners.leave(first);
  t.is(table.holders[open], 1);
  table.flags[open] |= GONE;
  listeners.gone(open, 3);
  listeners.release(open);
  t.is(table.count, 0);
  listeners.leave(second);
  const last = table.allocate(ROW, 0);
  listeners.acquire(last);
  listeners.gone(last, 3);
  t.is(table.count, 0, 'nobody is left who holds it');
});
