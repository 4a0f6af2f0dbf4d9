import test from 'ava';
import { KernelWatch } from '../../src/ingest/kernel-watch.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

function begin(events = true) {
  const settings: Record<string, string | undefined> = {
    nf_conntrack_acct: '1',
    nf_conntrack_timestamp: '0',
    nf_conntrack_events: '1',
  };
  const counts = { counterResets: 0 };
  const clock = { now: 0 };
  const { log, lines } = listeningLogger();
  const watch = new KernelWatch({ sysctl: name => settings[name] }, events, counts, log, () => clock.now);
  const said = (): string[] => {
    const before = lines.length;
    watch.afterPoll();
    return lines.slice(before).map(line => JSON.stringify(line));
  };
  return { settings, counts, clock, said };
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
