import test from 'ava';
import { KernelWatch } from '../../src/ingest/kernel-watch.js';
import { RowPair } from '../../src/row/row-pair.js';
import { rows } from '../helpers/builders/rows.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

function begin(events = true) {
  const settings: Record<string, string | undefined> = {
    nf_conntrack_acct: '1',
    nf_conntrack_timestamp: '0',
    nf_conntrack_events: '1',
  };
  const counts = { counterResets: 0 };
  const store = {
    counts,
    zeroed: undefined as RowPair | undefined,
    takeZeroed() {
      const { zeroed } = store;
      store.zeroed = undefined;
      return zeroed;
    },
  };
  const clock = { now: 0 };
  const { log, lines } = listeningLogger();
  const watch = new KernelWatch({ sysctl: name => settings[name] }, events, store, log, () => clock.now);
  const said = (): string[] => {
    const before = lines.length;
    watch.afterPoll();
    return lines.slice(before).map(line => JSON.stringify(line));
  };
  return { settings, counts, clock, store, said };
}

test('a setting that is switched off while ctflow runs is warned of once, and said when it is on again', t => {
  const { settings, said } = begin();
  t.deepEqual(said(), [], 'what was off at the start was said then');
  settings['nf_conntrack_acct'] = '0';
  settings['nf_conntrack_events'] = '0';
  const off = said();
  t.is(off.length, 2);
  t.regex(off[0], /accounting is off/);
  t.regex(off[1], /events are off/);
  t.deepEqual(said(), []);
  settings['nf_conntrack_events'] = '2';
  t.regex(said().join(), /events are automatic/);
  settings['nf_conntrack_acct'] = '1';
  settings['nf_conntrack_timestamp'] = '1';
  const on = said();
  t.is(on.length, 2);
  t.regex(on[0], /nf_conntrack_acct is on again/);
  t.regex(on[1], /nf_conntrack_timestamp is on again/);
});

test('without events their setting does not matter, and settings that cannot be read are not off', t => {
  const { settings, said } = begin(false);
  settings['nf_conntrack_events'] = '0';
  t.deepEqual(said(), []);
  settings['nf_conntrack_acct'] = undefined;
  t.deepEqual(said(), []);
});

test('counters that somebody sets to zero are said at the next poll, and once a minute at most', t => {
  const { counts, clock, said } = begin();
  counts.counterResets = 3;
  const [line, ...none] = said();
  t.regex(line, /"connections":3/);
  t.regex(line, /set the counters of connections to zero/);
  t.deepEqual(none, []);
  counts.counterResets = 10;
  clock.now = 59_000;
  t.deepEqual(said(), []);
  clock.now = 60_000;
  t.regex(said().join(), /"connections":7,"counterResets":10/);
  clock.now = 200_000;
  t.deepEqual(said(), []);
});

test('of counters that were set to zero the first connection is shown, as it was and as it is', t => {
  const { counts, clock, store, said } = begin();
  const facts = { source: '192.0.2.1', destination: '198.51.100.1', id: 7 };
  const was = rows({ ...facts, counters: [9, 900, 1, 100] });
  const is = rows({ ...facts, counters: [2, 200, 0, 0] });
  counts.counterResets = 1;
  store.zeroed = new RowPair(was.u32, 0, is.u32, 0);
  const [line] = said();
  const { first } = JSON.parse(line) as {
    first: Record<'was' | 'is', { original: Record<string, unknown>; id: number }>;
  };
  t.like(first.was.original, { source: '192.0.2.1', packets: 9, octets: 900 });
  t.like(first.is.original, { source: '192.0.2.1', packets: 2, octets: 200 });
  t.is(first.is.id, 7);
  counts.counterResets = 2;
  clock.now = 60_000;
  t.notRegex(said().join(), /first/, 'it was shown before');
});
