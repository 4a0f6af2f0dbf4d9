import test from 'ava';
import * as fc from 'fast-check';
import { KernelTimeouts, lastPacketAgo } from '../../src/store/kernel-timeouts.js';
import { HAS_DCCP_STATE, HAS_SCTP_STATE, HAS_TCP_STATE } from '../../src/row/layout.generated.js';
import { seeded } from '../helpers/seed.js';
import { kernelTimeouts } from '../helpers/rigs/store-rig.js';

const SEEN_REPLY = 1 << 1;
const ASSURED = 1 << 2;
const FIXED_TIMEOUT = 1 << 10;
const OFFLOAD = 1 << 14;
const HW_OFFLOAD = 1 << 15;
const [ICMP, TCP, UDP, DCCP, GRE, ICMPV6, SCTP, UDPLITE, ESP] = [1, 6, 17, 33, 47, 58, 132, 136, 50];

test('the timeout of a TCP state, then max_retrans and unacknowledged', t => {
  const timeouts = kernelTimeouts({
    nf_conntrack_tcp_timeout_max_retrans: 301,
    nf_conntrack_tcp_timeout_unacknowledged: 302,
  });
  const byState = [1, 2, 3, 4, 5, 6, 7, 8, 9].map(state => timeouts.candidates(TCP, HAS_TCP_STATE, state, 0));
  t.deepEqual(
    byState.map(candidates => candidates[0]),
    [120, 60, 432_000, 120, 60, 30, 120, 10, 120],
  );
  for (const candidates of byState) t.deepEqual(candidates.slice(1), [301, 302]);
  t.deepEqual(timeouts.candidates(TCP, 0, 3, 0), [], 'no state known');
  t.deepEqual(timeouts.candidates(TCP, HAS_TCP_STATE, 77, 0), [], 'a state of a later kernel');
});

test('UDP has 120 s when it is assured, else 30 s, whether or not a reply was seen', t => {
  for (const protocol of [UDP, UDPLITE]) {
    t.deepEqual(kernelTimeouts().candidates(protocol, 0, 0, SEEN_REPLY), [30]);
    t.deepEqual(kernelTimeouts().candidates(protocol, 0, 0, SEEN_REPLY | ASSURED), [120]);
  }
});

test('every other protocol has its own timeout, and generic is for those without a tracker', t => {
  const timeouts = kernelTimeouts({ nf_conntrack_icmp_timeout: 31, nf_conntrack_icmpv6_timeout: 32 });
  t.deepEqual(timeouts.candidates(ICMP, 0, 0, 0), [31]);
  t.deepEqual(timeouts.candidates(ICMPV6, 0, 0, 0), [32]);
  t.deepEqual(timeouts.candidates(GRE, 0, 0, SEEN_REPLY), [30]);
  t.deepEqual(timeouts.candidates(GRE, 0, 0, SEEN_REPLY | ASSURED), [180]);
  t.deepEqual(timeouts.candidates(SCTP, HAS_SCTP_STATE, 4, 0), [210]);
  t.deepEqual(timeouts.candidates(SCTP, 0, 4, 0), []);
  const dccp = kernelTimeouts({ nf_conntrack_dccp_timeout_open: 43_200 });
  t.deepEqual(dccp.candidates(DCCP, HAS_DCCP_STATE, 4, 0), [43_200]);
  t.deepEqual(timeouts.candidates(DCCP, 0, 0, 0), []);
  t.deepEqual(timeouts.candidates(ESP, 0, 0, 0), [600]);
});

test('a fixed timeout and an offloaded connection have no candidate: packets do not reset their timers', t => {
  for (const status of [FIXED_TIMEOUT, OFFLOAD, HW_OFFLOAD]) {
    t.deepEqual(kernelTimeouts().candidates(TCP, HAS_TCP_STATE, 3, status | ASSURED), []);
    t.deepEqual(kernelTimeouts().candidates(UDP, 0, 0, status | ASSURED), []);
  }
});

test('settings that cannot be read give no candidate', t => {
  const timeouts = new KernelTimeouts(() => undefined);
  for (const protocol of [ICMP, TCP, UDP, GRE, ICMPV6, SCTP, ESP]) {
    t.deepEqual(timeouts.candidates(protocol, HAS_TCP_STATE | HAS_SCTP_STATE, 3, 0), []);
  }
  t.is(timeouts.linger(TCP), undefined);
  t.is(kernelTimeouts().linger(TCP), 10);
  t.is(kernelTimeouts({ nf_conntrack_sctp_timeout_closed: 11 }).linger(SCTP), 11);
  t.is(kernelTimeouts({ nf_conntrack_dccp_timeout_timewait: 241 }).linger(DCCP), 241);
  t.is(kernelTimeouts().linger(UDP), undefined);
  t.deepEqual(new KernelTimeouts(() => 'what\n').candidates(UDP, 0, 0, 0), []);
});

test('only conntrack’s timeout settings are read', t => {
  const asked = new Set<string>();
  const timeouts = new KernelTimeouts(name => {
    asked.add(name);
    return '1';
  });
  t.is(timeouts.linger(TCP), 1);
  for (const name of asked) t.regex(name, /^nf_conntrack_[a-z0-9_]+$/);
  t.true(asked.has('nf_conntrack_sctp_timeout_heartbeat_sent'));
});

const NOW = 1_700_000_000_000;

/** The answer on the wall clock; R may be unknown. */
const lastPacketTime = (candidates: number[], remaining: number | undefined, from: number, at: number): number =>
  at - lastPacketAgo(candidates, remaining ?? -1, at - from);

test('the last packet passed T - R ago', t => {
  t.is(lastPacketTime([432_000], 431_998, NOW - 5_000, NOW), NOW - 2_000);
  t.is(lastPacketTime([30], 30, NOW - 5_000, NOW), NOW);
});

test('the first candidate in the window is taken', t => {
  t.is(lastPacketTime([432_000, 300], 297, NOW - 5_000, NOW), NOW - 3_000);
  t.is(lastPacketTime([10, 300], 297, NOW - 5_000, NOW), NOW - 3_000, 'more is left than the first one gives');
  t.is(lastPacketTime([300, 299], 297, NOW - 5_000, NOW), NOW - 3_000);
  t.is(lastPacketTime([310, 299], 297, NOW - 5_000, NOW), NOW - 2_000);
});

test('the kernel rounds R down, so a candidate may lie up to a second before the window, which then holds it', t => {
  t.is(lastPacketTime([120], 115, NOW - 5_000, NOW), NOW - 5_000);
  t.is(lastPacketTime([120], 115, NOW - 4_001, NOW), NOW - 4_001);
  t.is(lastPacketTime([120], 115, NOW - 4_000, NOW), NOW, 'a whole second before: another timeout was at work');
});

test('where no candidate fits, or R is not known, the time of the poll is used', t => {
  t.is(lastPacketTime([], 10, NOW - 5_000, NOW), NOW);
  t.is(lastPacketTime([30], undefined, NOW - 5_000, NOW), NOW);
  t.is(lastPacketTime([30], 31, NOW - 5_000, NOW), NOW);
  t.is(lastPacketTime([30], 10, NOW - 5_000, NOW), NOW);
});

test('with the timer that the kernel set, the answer is within a second of the truth, and always in the window', t => {
  fc.assert(
    fc.property(
      fc.constantFrom(10, 30, 120, 300, 432_000),
      fc.nat(60_000),
      fc.integer({ min: 1, max: 60_000 }),
      (timeout, ago, window) => {
        const remaining = Math.floor((timeout * 1000 - ago) / 1000);
        if (remaining < 0) return;
        const from = NOW - window;
        const answer = lastPacketTime([timeout], remaining, from, NOW);
        if (answer < from || answer > NOW) throw new Error(`${answer} outside the window`);
        if (ago < window && Math.abs(answer - (NOW - ago)) >= 1_000) throw new Error(`${NOW - answer} for ${ago}`);
      },
    ),
    { ...seeded(t), numRuns: 2_000 },
  );
  t.is(lastPacketTime([30], 29, NOW - 10, NOW), NOW - 10);
});
