import test from 'ava';
import { ConnectionOutcomes } from '../../src/ingest/connection-outcomes.js';
import { NameTable } from '../../src/record/name-table.js';
import { CLOSE, ESTABLISHED, FIN_WAIT, SYN_RECV, SYN_SENT, TIME_WAIT } from '../../src/row/conntrack.js';
import { EVENT_NEW, EVENT_UPDATE } from '../../src/row/layout.generated.js';
import { FLOW_NAMES } from '../../src/encoder/columns.js';
import { changed, ping, tcp, udp } from '../helpers/builders/connections.js';
import { nanoseconds, type Counters, type Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

/** @param service of all connections, in the inventory */
function rigged(service?: string) {
  const rig = new StoreRig({ changes: true, maxConnections: 512 });
  rig.store.expectEvents(true);
  const names = new NameTable();
  const numbers = new Uint32Array(rig.store.table.capacity * FLOW_NAMES);
  if (service !== undefined) numbers.fill(names.intern(service));
  const outcomes = new ConnectionOutcomes(rig.store, rig.history!.states, { names: numbers }, names);
  rig.poll([]);
  return { rig, outcomes };
}

/** A connection that goes through these states, and is over in the last one. */
function live(rig: StoreRig, port: number, counters: Counters, states: readonly number[], more: Facts = {}): void {
  const facts = (state: number): Facts => tcp(port, rig.wall, counters, { state, ...more });
  states.forEach((state, i) => rig.receive(changed(i === 0 ? EVENT_NEW : EVENT_UPDATE, facts(state))));
  const { timeout: _, ...last } = facts(states.at(-1)!);
  rig.destroy({ ...last, stop: nanoseconds(rig.wall) });
}

const ANSWERED: Counters = [3, 180, 2, 120];
const SILENT: Counters = [3, 180, 0, 0];

test('TCP is refused by RST in answer to SYN, unanswered without a reply, reset by RST without FIN', t => {
  const { rig, outcomes } = rigged();
  live(rig, 1, [1, 60, 1, 40], [SYN_SENT, CLOSE]);
  // of an older kernel, whose last event has no state
  live(rig, 2, [1, 60, 1, 40], [SYN_SENT]);
  live(rig, 3, SILENT, [SYN_SENT]);
  live(rig, 4, ANSWERED, [SYN_SENT, SYN_RECV, ESTABLISHED, CLOSE]);
  live(rig, 5, ANSWERED, [SYN_SENT, SYN_RECV, CLOSE]);
  // these are none of them
  live(rig, 6, ANSWERED, [SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, TIME_WAIT]);
  live(rig, 7, ANSWERED, [SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE]);
  live(rig, 8, ANSWERED, [SYN_SENT, SYN_RECV]);
  t.deepEqual(outcomes.counts, { 'tcp/443': { refused: 2, unanswered: 1, reset: 2 } });
});

test('what ends without a reply is unanswered whatever its protocol, unless it was deleted', t => {
  const { rig, outcomes } = rigged();
  const end = (facts: Facts) => {
    const { timeout: _, ...last } = facts;
    rig.destroy({ ...last, stop: nanoseconds(rig.wall) });
  };
  end(udp(1, rig.wall, SILENT));
  end(udp(2, rig.wall, ANSWERED));
  end(ping(3, rig.wall, SILENT));
  // a remaining time shows that it was deleted
  rig.destroy({ ...udp(4, rig.wall, SILENT), stop: nanoseconds(rig.wall) });
  t.deepEqual(outcomes.counts, {
    'udp/53': { refused: 0, unanswered: 1, reset: 0 },
    icmp: { refused: 0, unanswered: 1, reset: 0 },
  });
});

test('a service has its name where it is known; those beyond 64 are one', t => {
  const named = rigged('shop/web:https');
  live(named.rig, 1, SILENT, [SYN_SENT]);
  t.deepEqual(Object.keys(named.outcomes.counts), ['shop/web:https']);
  const { rig, outcomes } = rigged();
  for (let port = 1; port <= 70; port++) live(rig, port, SILENT, [SYN_SENT], { destinationPort: port });
  live(rig, 71, SILENT, [SYN_SENT], { destinationPort: 64 });
  const { other, ...services } = outcomes.counts;
  t.is(Object.keys(services).length, 64);
  t.is(services['tcp/64'].unanswered, 2);
  t.is(other.unanswered, 6);
});
