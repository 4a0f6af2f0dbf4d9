import test from 'ava';
import * as fc from 'fast-check';
import {
  CLOSE,
  CLOSE_WAIT,
  ESTABLISHED,
  FIN_WAIT,
  LAST_ACK,
  SYN_RECV,
  SYN_SENT,
  SYN_SENT2,
  TIME_WAIT,
} from '../../src/row/conntrack.js';
import { isSameEntry } from '../../src/store/connection-identity.js';
import { HASH_WORD, HAS_ID, HAS_START, ID_WORD, PRESENT_WORD, START_NS_WORD } from '../../src/row/layout.generated.js';
import { ping, tcp, udp, withoutStart } from '../helpers/builders/connections.js';
import { nanoseconds, rows, type Counters, type Facts } from '../helpers/builders/rows.js';
import { seeded } from '../helpers/seed.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

// antrea-io/antrea at its head
test('pings between two hosts stay separate flows, by their ICMP id', t => {
  const rig = new StoreRig();
  rig.poll([ping(1, rig.wall, [1, 84, 1, 84]), ping(2, rig.wall, [3, 252, 3, 252], { id: 80 })]);
  // were they one key, each would be taken for the other, reopened
  rig.poll([ping(1, rig.wall, [1, 84, 1, 84]), ping(2, rig.wall, [3, 252, 3, 252], { id: 80 })]);
  t.is(rig.store.size, 2);
  t.is(rig.store.counts.added, 2);
  const reports = rig.after(5_000);
  t.deepEqual(
    reports.map(({ port, deltas }) => [port, deltas[0]]),
    [
      [1, 1n],
      [2, 3n],
    ],
  );
  t.not(reports[0].flowId, reports[1].flowId);
});

// antrea-io/antrea at its head
test('the same tuple in two zones is two flows', t => {
  const rig = new StoreRig();
  const zones: Facts[] = [{}, { zone: 1 }, { zone: 2 }, { originalZone: 1 }, { replyZone: 1 }];
  rig.poll(zones.map((zone, i) => tcp(1000, rig.wall, [i + 1, 60, 0, 0], zone)));
  t.is(rig.store.size, zones.length);
  t.deepEqual(
    rig.after(5_000).map(({ deltas }) => deltas[0]),
    [1n, 2n, 3n, 4n, 5n],
  );
});

// antrea-io/antrea at its head
test('a tuple closed and reopened is two connections: the first is ended and exported, the second has its own start and counters', t => {
  const rig = new StoreRig();
  const first = rig.wall;
  rig.poll([tcp(1000, first, [2, 120, 1, 60])]);
  rig.advance(5_000);
  rig.poll([tcp(1000, first, [6, 400, 5, 300], { state: TIME_WAIT, timeout: 119 })]);
  const second = rig.wall + 2_000;
  rig.advance(5_000);
  // the kernel gives the reopened tuple the same id
  rig.poll([tcp(1000, second, [9, 5_000, 8, 4_000])]);
  t.is(rig.store.counts.reopened, 1);
  const [ended, ...none] = rig.due();
  t.like(ended, { start: first, reason: 3 });
  t.deepEqual(ended.deltas, [6n, 400n, 5n, 300n]);
  t.deepEqual(none, []);
  const [opened] = rig.after(5_000);
  t.like(opened, { start: second, reason: 2 });
  t.deepEqual(opened.deltas, [9n, 5_000n, 8n, 4_000n]);
  t.not(opened.flowId, ended.flowId);
});

test('a tuple reopened while its exported TIME_WAIT is stored adds no second record of the first connection', t => {
  const rig = new StoreRig();
  const first = rig.wall;
  rig.poll([tcp(1000, first, [6, 400, 5, 300], { state: TIME_WAIT })]);
  t.deepEqual(
    rig.due().map(({ reason }) => reason),
    [3],
  );
  rig.advance(5_000);
  rig.poll([tcp(1000, rig.wall - 1, [1, 60, 0, 0], { state: SYN_SENT })]);
  t.deepEqual(rig.due(), []);
  t.is(rig.store.size, 1);
});

test('the same tuple with another id is another connection', t => {
  const rig = new StoreRig();
  const { start: _, ...facts } = tcp(1000, 0, [5, 500, 5, 500]);
  rig.poll([facts]);
  rig.advance(5_000);
  rig.poll([{ ...facts, id: 1 }]);
  t.is(rig.store.counts.reopened, 1);
});

test('a start time that appears or disappears means another connection: the kernel sets it once or never', t => {
  for (const [before, after] of [
    [true, false],
    [false, true],
  ]) {
    const rig = new StoreRig();
    const started = rig.wall;
    const facts = (known: boolean): Facts => {
      const whole = tcp(1000, started, [5, 500, 5, 500]);
      const { start: _, ...rest } = whole;
      return known ? whole : rest;
    };
    rig.poll([facts(before)]);
    rig.advance(5_000);
    rig.poll([facts(after)]);
    t.is(rig.store.counts.reopened, 1);
  }
});

for (const [which, name] of ['packets', 'octets', 'reply packets', 'reply octets'].entries()) {
  // antrea-io/antrea at its head
  test(`without timestamps falling ${name} mean a new connection, and no octet is lost`, t => {
    const rig = new StoreRig();
    rig.poll([]); // what comes now was not there before
    const before: Counters = [10, 1_000, 8, 800];
    rig.advance(5_000);
    rig.poll([withoutStart(udp(1000, 0, before))]);
    const after = before.map((value, i) => (i === which ? Number(value) - 1 : value)) as unknown as Counters;
    rig.advance(5_000);
    rig.poll([withoutStart(udp(1000, 0, after))]);
    const [ended] = rig.due();
    t.deepEqual(
      ended.deltas,
      before.map(value => BigInt(value)),
    );
    const [opened] = rig.after(5_000);
    t.deepEqual(
      opened.deltas,
      after.map(value => BigInt(value)),
    );
  });
}

for (const closed of [TIME_WAIT, CLOSE]) {
  for (const open of [SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, SYN_SENT2]) {
    test(`without timestamps a return from the closed state ${closed} to ${open} is a new connection`, t => {
      const rig = new StoreRig();
      rig.poll([withoutStart(tcp(1000, 0, [5, 500, 5, 500], { state: closed }))]);
      rig.advance(5_000);
      rig.poll([withoutStart(tcp(1000, 0, [9, 900, 9, 900], { state: open }))]);
      t.is(rig.store.counts.reopened, 1);
    });
  }
}

test('with timestamps the start decides: an entry that TCP itself brings back from a closed state is the same connection', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  rig.poll([tcp(1000, start, [5, 500, 5, 500], { state: CLOSE })]);
  rig.advance(5_000);
  rig.poll([tcp(1000, start, [9, 900, 9, 900], { state: SYN_RECV })]);
  t.is(rig.store.counts.reopened, 0);
});

test('a connection that closes is not a new one', t => {
  const rig = new StoreRig();
  for (const state of [SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE]) {
    rig.poll([withoutStart(tcp(1000, 0, [5, 500, 5, 500], { state }))]);
    rig.advance(5_000);
  }
  t.is(rig.store.counts.reopened, 0);
});

test('procfs: the drift of a start estimated from whole seconds is not a reopening, a later start is', t => {
  fc.assert(
    fc.property(
      fc.nat(999),
      fc.array(fc.integer({ min: 1, max: 9_999 }), { minLength: 1, maxLength: 12 }),
      (fraction, gaps) => {
        const rig = new StoreRig();
        rig.advance(fraction);
        let started = rig.wall;
        const seen = (): Facts => {
          const age = Math.floor((rig.wall - started) / 1000); // as the kernel prints it
          return { ...withoutStart(udp(1000, 0, [5, 500, 5, 500])), startEstimate: nanoseconds(rig.wall - age * 1000) };
        };
        rig.advance(1);
        rig.poll([seen()]);
        for (const gap of gaps) {
          rig.advance(gap);
          rig.poll([seen()]);
        }
        const { counts } = rig.store;
        t.is(counts.reopened, 0);
        rig.advance(4_000);
        started = rig.wall;
        rig.poll([seen()]);
        t.is(counts.reopened, 1);
      },
    ),
    { ...seeded(t), numRuns: 300 },
  );
});

test('procfs: a wall clock that steps back an hour is not a reopening', t => {
  const rig = new StoreRig();
  const facts = withoutStart(udp(1000, 0, [5, 500, 5, 500]));
  rig.poll([{ ...facts, startEstimate: nanoseconds(rig.wall - 60_000) }]);
  rig.advance(5_000, -3_600_000);
  // the kernel prints an age of 0 for a start that is in the future
  rig.poll([{ ...facts, startEstimate: nanoseconds(rig.wall) }]);
  t.is(rig.store.counts.reopened, 0);
});

test('counters that fall while the start stays are a counter_reset: the new value is the delta, and no unexported count is lost', t => {
  const rig = new StoreRig({ destinations: [{}, { activeFlowExportTimeout: 60_000 }] });
  const start = rig.wall;
  rig.poll([tcp(1000, start, [10, 1_000, 8, 800])]);
  t.deepEqual(rig.after(5_000)[0].deltas, [10n, 1_000n, 8n, 800n]);
  rig.poll([tcp(1000, start, [15, 1_500, 12, 1_200])]);
  rig.advance(2_000);
  // zeroed, and then three packets; the reply direction has already passed what it had
  rig.poll([tcp(1000, start, [3, 300, 20, 100])]);
  t.is(rig.store.counts.counterResets, 1);
  const { was, is } = rig.store.takeZeroed()!;
  t.deepEqual([was.original.packets, is.original.packets], [15n, 3n]);
  t.is(rig.store.takeZeroed(), undefined);
  t.is(rig.store.counts.reopened, 0);
  const [report] = rig.after(3_000);
  t.deepEqual(report.deltas, [8n, 800n, 24n, 500n]);
  t.deepEqual(report.totals, [18n, 1_800n, 32n, 1_300n], 'what the deltas add up to');
  const [other] = rig.after(60_000, 1);
  t.deepEqual(other.deltas, [18n, 1_800n, 32n, 1_300n]);
});

test('counters zeroed twice before an export are still exported whole', t => {
  const rig = new StoreRig();
  const start = rig.wall;
  for (const counters of [
    [10, 1_000, 0, 0],
    [4, 400, 0, 0],
    [1, 100, 0, 0],
  ] as const) {
    rig.poll([tcp(1000, start, counters)]);
    rig.advance(1_000);
  }
  t.is(rig.store.counts.counterResets, 2);
  const [report] = rig.after(2_000);
  t.deepEqual([report.deltas, report.totals], [report.totals, [15n, 1_500n, 0n, 0n]]);
  rig.poll([tcp(1000, start, [2, 200, 0, 0])]);
  const [next] = rig.after(5_000);
  t.deepEqual(
    [next.deltas, next.totals],
    [
      [1n, 100n, 0n, 0n],
      [16n, 1_600n, 0n, 0n],
    ],
  );
  rig.poll([]);
  rig.due();
  rig.poll([tcp(1000, start + 3_000, [7, 700, 0, 0])]);
  t.deepEqual(rig.after(5_000)[0].totals, [7n, 700n, 0n, 0n], 'the next connection in its place has its own');
});

test('isSameEntry: only where id and start are known, and only where hash, id and start are equal', t => {
  const entry = (change: Facts = {}): Uint32Array =>
    rows(tcp(1, 1_700_000_000_000, [1, 1, 1, 1], { id: 7, ...change })).u32;
  const same = (a: Uint32Array, b: Uint32Array): boolean => isSameEntry(a, 0, b, 0);
  t.true(same(entry(), entry({ counters: [9, 9, 9, 9] })));
  const stored = entry();
  for (const word of [HASH_WORD, ID_WORD, START_NS_WORD, START_NS_WORD + 1]) {
    const other = entry();
    other[word] ^= 1;
    t.false(same(stored, other), `word ${word}`);
  }
  for (const flag of [HAS_ID, HAS_START]) {
    const unknown = entry();
    unknown[PRESENT_WORD] &= ~flag;
    t.false(same(stored, unknown));
    t.false(same(unknown, stored));
  }
});
