import test from 'ava';
import { PendingEvents } from '../../src/store/pending-events.js';
import { ESTABLISHED, SYN_RECV, SYN_SENT } from '../../src/row/conntrack.js';
import { appendState } from '../../src/store/tcp-history.js';
import { EVENT_NEW, EVENT_UPDATE } from '../../src/row/layout.generated.js';
import { changed, tcp, withoutStart } from '../helpers/builders/connections.js';
import { rows, type Facts } from '../helpers/builders/rows.js';

const facts = (state: number, start = 1_000): Facts => tcp(1, start, [1, 60, 0, 0], { state });
const words = (of: Facts) => rows(of).u32;
const packed = (...states: number[]): number => states.reduce(appendState, 0);

function note(pendingEvents: PendingEvents, event: number, of: Facts, at: number): void {
  const { u32, bytes } = rows(changed(event, of));
  pendingEvents.note(u32, bytes, 0, event === EVENT_NEW, at, at - 0.5, at * 1_000);
}

test('data of events wait until the connection is stored, and are taken once', t => {
  const pendingEvents = new PendingEvents(4);
  note(pendingEvents, EVENT_NEW, facts(SYN_SENT), 1_003);
  note(pendingEvents, EVENT_UPDATE, facts(SYN_RECV), 1_004);
  t.true(pendingEvents.has(words(facts(0)), 0));
  t.is(pendingEvents.take(words(tcp(2, 1_000, [1, 60, 0, 0])), 0), undefined, 'another tuple');
  t.is(pendingEvents.take(words({ ...facts(0), id: 5 }), 0), undefined, 'another id');
  t.deepEqual(pendingEvents.take(words(facts(ESTABLISHED)), 0), {
    seenAt: 1_003,
    lastAt: 1_003.5,
    isNew: true,
    isTold: false,
    states: packed(SYN_SENT, SYN_RECV),
    handshake: 1_003_000,
  });
  t.is(pendingEvents.take(words(facts(ESTABLISHED)), 0), undefined);
  t.is(pendingEvents.count, 0);
});

test('without its NEW event a connection may be older than its first event', t => {
  const pendingEvents = new PendingEvents(4);
  note(pendingEvents, EVENT_UPDATE, facts(ESTABLISHED), 1_003);
  t.like(pendingEvents.take(words(facts(ESTABLISHED)), 0), { seenAt: 1_003, isNew: false });
});

test('a tuple reopened under the same id: each connection has its own events, in order', t => {
  const pendingEvents = new PendingEvents(4);
  note(pendingEvents, EVENT_NEW, facts(SYN_SENT), 1_000);
  note(pendingEvents, EVENT_UPDATE, facts(ESTABLISHED), 1_001);
  note(pendingEvents, EVENT_NEW, facts(SYN_SENT), 2_000);
  note(pendingEvents, EVENT_UPDATE, facts(SYN_RECV), 2_001);
  const row = words({ ...withoutStart(facts(0)), id: facts(0).id! });
  t.like(pendingEvents.take(row, 0), { seenAt: 1_000, states: packed(SYN_SENT, ESTABLISHED), handshake: -1_000 });
  t.like(pendingEvents.take(row, 0), { seenAt: 2_000, states: packed(SYN_SENT, SYN_RECV), handshake: 2_000_000 });
});

test('by the start time the events of an earlier connection with a lost end are skipped', t => {
  const pendingEvents = new PendingEvents(4);
  note(pendingEvents, EVENT_NEW, facts(SYN_SENT), 1_000);
  note(pendingEvents, EVENT_NEW, facts(SYN_SENT), 2_000);
  t.like(pendingEvents.take(words(facts(0, 1_999)), 0), { seenAt: 2_000 });
  t.is(pendingEvents.expired, 1);
  t.is(pendingEvents.count, 0);
});

test('events of connections that two later dumps did not show expire; later ones stay', t => {
  const pendingEvents = new PendingEvents(4);
  note(pendingEvents, EVENT_NEW, facts(SYN_SENT), 1_000);
  pendingEvents.beginDump();
  note(pendingEvents, EVENT_NEW, tcp(2, 1_100, [1, 60, 0, 0]), 1_100);
  pendingEvents.endDump(true);
  t.is(pendingEvents.count, 2, 'its DESTROY may be on the dying list');
  pendingEvents.beginDump();
  pendingEvents.endDump(false);
  t.is(pendingEvents.count, 2, 'the dump was not whole');
  pendingEvents.beginDump();
  note(pendingEvents, EVENT_NEW, tcp(3, 1_200, [1, 60, 0, 0]), 1_200);
  pendingEvents.endDump(true);
  t.is(pendingEvents.count, 1);
  t.is(pendingEvents.expired, 2);
  for (let dump = 0; dump < 2; dump++) {
    pendingEvents.beginDump();
    pendingEvents.endDump(true);
  }
  t.is(pendingEvents.count, 0);
});

test('beyond the limit events are dropped and counted', t => {
  const pendingEvents = new PendingEvents(2);
  for (let port = 1; port <= 5; port++) note(pendingEvents, EVENT_NEW, tcp(port, 1_000, [1, 60, 0, 0]), 1_000);
  t.is(pendingEvents.count, 2);
  t.is(pendingEvents.overflow, 3);
  note(pendingEvents, EVENT_UPDATE, tcp(1, 1_000, [1, 60, 0, 0]), 1_001);
  t.is(pendingEvents.overflow, 3, 'there is one');
});
