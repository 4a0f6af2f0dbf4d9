import { Buffer } from 'node:buffer';
import test from 'ava';
import { DEFAULT_LIMITS } from '../../src/collector/limits.js';
import { newStats } from '../../src/collector/stats.js';
import { UdpSessions } from '../../src/collector/udp-sessions.js';
import { message, set, templateSet, u8 } from '../helpers/builders/ipfix-builder.js';

const DEFINE = message({}, templateSet(256, [4, 1]), set(256, u8(6)));
const DATA = message({ sequence: 1 }, set(256, u8(6)));

function open(limits = {}) {
  const stats = newStats();
  const sessions = new UdpSessions(stats, { ...DEFAULT_LIMITS, ...limits });
  const define = (from: string) => sessions.decode(DEFINE, from);
  const knows = (from: string) => sessions.decode(DATA, from).records.length === 1;
  return { stats, sessions, define, knows };
}

test('each address and port is a session', t => {
  const { stats, define, knows } = open();
  define('udp://192.0.2.1:1');
  t.true(knows('udp://192.0.2.1:1'));
  t.false(knows('udp://192.0.2.1:2'));
  t.is(stats.sessions, 2);
});

test('at the limit the session that was silent the longest is evicted and counted', t => {
  const { stats, define, knows } = open({ udpSessions: 2 });
  define('a');
  define('b');
  t.true(knows('a'));
  define('c');
  t.is(stats.sessions, 2);
  t.is(stats.evictedSessions, 1);
  t.true(knows('a'));
  t.true(knows('c'));
  t.false(knows('b'));
});

test('garbage opens no session and evicts none', t => {
  const { stats, sessions, define, knows } = open({ udpSessions: 1 });
  define('a');
  for (const bytes of [Buffer.alloc(0), Buffer.from('garbage of some length'), DEFINE.subarray(0, 20)]) {
    t.truthy(sessions.decode(bytes, 'b').malformed);
  }
  t.is(stats.malformedMessages, 3);
  t.is(stats.sessions, 1);
  t.true(knows('a'));
});

test('the fields of all sessions together are limited', t => {
  const { stats, sessions, define, knows } = open({ udpFields: 3 });
  define('a');
  define('b');
  define('c');
  t.is(stats.evictedSessions, 0);
  t.true(knows('a'));
  sessions.decode(message({ sequence: 1 }, templateSet(257, [4, 1], [8, 4])), 'c');
  t.is(stats.evictedSessions, 2); // b, then a
  t.is(stats.sessions, 1);
  t.true(knows('c'));
});

test('the counters of a session are kept after it', t => {
  const { stats, sessions, define } = open({ udpSessions: 1 });
  define('a');
  sessions.decode(message({ sequence: 5 }, set(256, u8(6))), 'a');
  define('b');
  t.is(stats.sequenceLost, 4);
  t.is(stats.records, 3);
});
