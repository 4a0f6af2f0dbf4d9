import test from 'ava';
import { Sightings } from '../../src/store/sightings.js';
import { ESTABLISHED, SYN_RECV, SYN_SENT } from '../../src/row/conntrack.js';
import { appendState } from '../../src/store/tcp-history.js';
import { EVENT_NEW, EVENT_UPDATE } from '../../src/row/layout.generated.js';
import { changed, tcp, withoutStart } from '../helpers/builders/connections.js';
import { rows, type Facts } from '../helpers/builders/rows.js';

const facts = (state: number, start = 1_000): Facts => tcp(1, start, [1, 60, 0, 0], { state });
const words = (of: Facts) => rows(of).u32;
const packed = (...states: number[]): number => states.reduce(appendState, 0);

function note(sightings: Sightings, event: number, of: Facts, at: number): void {
  const { u32, bytes } = rows(changed(event, of));
  sightings.note(u32, bytes, 0, event === EVENT_NEW, at);
}

test('what events told waits until the connection is stored, and is taken once', t => {
  const sightings = new Sightings(4);
  note(sightings, EVENT_NEW, facts(SYN_SENT), 1_003);
  note(sightings, EVENT_UPDATE, facts(SYN_RECV), 1_004);
  t.true(sightings.has(words(facts(0)), 0));
  t.is(sightings.take(words(tcp(2, 1_000, [1, 60, 0, 0])), 0), undefined, 'another tuple');
  t.is(sightings.take(words({ ...facts(0), id: 5 }), 0), undefined, 'another id');
  t.deepEqual(sightings.take(words(facts(ESTABLISHED)), 0), {
    seenAt: 1_003,
    isNew: true,
    states: packed(SYN_SENT, SYN_RECV),
  });
  t.is(sightings.take(words(facts(ESTABLISHED)), 0), undefined);
  t.is(sightings.count, 0);
});

test('without its NEW a connection may be older than what is known of it', t => {
  const sightings = new Sightings(4);
  note(sightings, EVENT_UPDATE, facts(ESTABLISHED), 1_003);
  t.like(sightings.take(words(facts(ESTABLISHED)), 0), { seenAt: 1_003, isNew: false });
});

test('a tuple reopened under the same id: each connection has its own, in their order', t => {
  const sightings = new Sightings(4);
  note(sightings, EVENT_NEW, facts(SYN_SENT), 1_000);
  note(sightings, EVENT_UPDATE, facts(ESTABLISHED), 1_001);
  note(sightings, EVENT_NEW, facts(SYN_SENT), 2_000);
  note(sightings, EVENT_UPDATE, facts(SYN_RECV), 2_001);
  const row = words({ ...withoutStart(facts(0)), id: facts(0).id! });
  t.like(sightings.take(row, 0), { seenAt: 1_000, states: packed(SYN_SENT, ESTABLISHED) });
  t.like(sightings.take(row, 0), { seenAt: 2_000, states: packed(SYN_SENT, SYN_RECV) });
});

test('the start time passes over the sighting of an earlier connection, whose end was lost', t => {
  const sightings = new Sightings(4);
  note(sightings, EVENT_NEW, facts(SYN_SENT), 1_000);
  note(sightings, EVENT_NEW, facts(SYN_SENT), 2_000);
  t.like(sightings.take(words(facts(0, 1_999)), 0), { seenAt: 2_000 });
  t.is(sightings.expired, 1);
  t.is(sightings.count, 0);
});

test('what two later dumps did not show is given up; what came after the request of the first stays', t => {
  const sightings = new Sightings(4);
  note(sightings, EVENT_NEW, facts(SYN_SENT), 1_000);
  sightings.beginDump();
  note(sightings, EVENT_NEW, tcp(2, 1_100, [1, 60, 0, 0]), 1_100);
  sightings.endDump(true);
  t.is(sightings.count, 2, 'its DESTROY may be on the dying list');
  sightings.beginDump();
  sightings.endDump(false);
  t.is(sightings.count, 2, 'the dump was not whole');
  sightings.beginDump();
  note(sightings, EVENT_NEW, tcp(3, 1_200, [1, 60, 0, 0]), 1_200);
  sightings.endDump(true);
  t.is(sightings.count, 1);
  t.is(sightings.expired, 2);
  for (let dump = 0; dump < 2; dump++) {
    sightings.beginDump();
    sightings.endDump(true);
  }
  t.is(sightings.count, 0);
});

test('beyond the limit a sighting is left out and counted', t => {
  const sightings = new Sightings(2);
  for (let port = 1; port <= 5; port++) note(sightings, EVENT_NEW, tcp(port, 1_000, [1, 60, 0, 0]), 1_000);
  t.is(sightings.count, 2);
  t.is(sightings.leftOut, 3);
  note(sightings, EVENT_UPDATE, tcp(1, 1_000, [1, 60, 0, 0]), 1_001);
  t.is(sightings.leftOut, 3, 'there is one');
});
