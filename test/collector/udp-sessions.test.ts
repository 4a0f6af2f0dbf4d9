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
  t.is(stats.sessions, 1, 'without a template there is nothing to keep');
});

test('at the limit the least useful session is evicted and counted', t => {
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
  t.true(knows('b'));
  sessions.decode(message({ sequence: 1 }, templateSet(257, [4, 1], [8, 4])), 'c');
  t.is(stats.evictedSessions, 1, 'c itself has more than its share');
  t.is(stats.sessions, 2);
  t.true(knows('a'));
  t.true(knows('b'));
});

test('well-formed datagrams without a template push out nobody, and keep nothing', t => {
  const { stats, sessions, define, knows } = open({ udpSessions: 2 });
  define('udp://192.0.2.1:1');
  define('udp://192.0.2.2:1');
  for (let i = 0; i < 10_000; i++) sessions.decode(DATA, `udp://198.51.100.7:${i}`);
  const domains = Array.from({ length: 1000 }, (_, domain) => message({ domain: domain + 2 }, set(256, u8(6))));
  for (const bytes of domains) sessions.decode(bytes, 'udp://192.0.2.1:1');
  t.is(stats.sessions, 2);
  t.is(stats.evictedSessions + stats.evictedDomains, 0);
  t.is(stats.undecodableSets + stats.waitingSets, 11_000);
  t.true(knows('udp://192.0.2.1:1'));
  t.true(knows('udp://192.0.2.2:1'));
});

test('a flood of new exporters pushes out each other, not those that send records', t => {
  const { sessions, define, knows } = open({ udpSessions: 8 });
  const real = ['a', 'b', 'c'];
  for (const from of real) define(from);
  for (const from of real) t.true(knows(from));
  for (let i = 0; i < 1000; i++) sessions.decode(DEFINE, `one:${i}`, 'one address');
  for (let i = 0; i < 1000; i++) sessions.decode(DEFINE, `many:${i}`, `address ${i}`);
  for (const from of real) t.true(knows(from), from);
});

test('a peer with more than its share gives way to others, however much it sends', t => {
  const { stats, sessions, define, knows } = open({ udpSessions: 32 });
  for (let i = 0; i < 32; i++) {
    for (let n = 0; n < 5; n++) sessions.decode(DEFINE, `greedy:${i}`, 'greedy');
  }
  for (let i = 0; i < 16; i++) define(`other ${i}`);
  t.is(stats.evictedSessions, 16);
  for (let i = 0; i < 16; i++) t.true(knows(`other ${i}`));
});

test('templates that are not sent again within their lifetime expire, and so do sessions without one', t => {
  const { stats, sessions } = open({ templateLifetime: 1000 });
  const both = message({}, templateSet(256, [4, 1]), templateSet(257, [4, 1]));
  sessions.decode(both, 'a', 'a', 0);
  sessions.decode(DEFINE, 'b', 'b', 0);
  sessions.decode(DEFINE, 'a', 'a', 600);
  sessions.decode(DATA, 'b', 'b', 900); // data does not refresh a template
  sessions.expire(1000);
  t.is(stats.expiredTemplates, 0);
  sessions.expire(1001);
  t.is(stats.expiredTemplates, 2);
  t.is(stats.sessions, 1);
  const records = (id: number, from: string): number =>
    sessions.decode(message({ sequence: 1 }, set(id, u8(6))), from, from, 1001).records.length;
  t.deepEqual([records(256, 'a'), records(257, 'a'), records(256, 'b')], [1, 0, 0]);
  sessions.decode(DEFINE, 'b', 'b', 1002);
  t.is(records(256, 'b'), 1);
  sessions.expire(5000);
  t.is(stats.sessions, 0);
  t.is(stats.evictedSessions, 0);
});

test('what is wrong is said with who sent it', t => {
  const stats = newStats();
  const troubles: unknown[] = [];
  const sessions = new UdpSessions(stats, { ...DEFAULT_LIMITS, fields: 2 }, trouble => troubles.push(trouble));
  const say = (bytes: Uint8Array): unknown[] => {
    troubles.length = 0;
    sessions.decode(bytes, 'x');
    return [...troubles];
  };
  const where = { exporter: 'x', observationDomain: 1 };
  t.deepEqual(say(message({}, set(300, u8(1)), set(301, u8(1)))), [
    { kind: 'undecodable-set', ...where, template: 300, kept: true },
  ]);
  t.deepEqual(say(message({}, templateSet(256, [4, 1], [8, 4], [12, 4]), templateSet(257, [82, 0]))), [
    { kind: 'refused-template', ...where, template: 256, reason: 'limit' },
  ]);
  t.deepEqual(say(message({}, templateSet(257, [82, 0]))), [
    { kind: 'refused-template', ...where, template: 257, reason: 'empty' },
  ]);
  const malformed = { kind: 'malformed-message', exporter: 'x', reason: 'version' };
  t.deepEqual(say(Buffer.from('0005001e00000000', 'hex')), [{ ...malformed, version: 'NetFlow 5' }]);
  t.deepEqual(say(Buffer.from('0009000400000000', 'hex')), [{ ...malformed, version: 'NetFlow 9' }]);
  t.deepEqual(say(Buffer.from('0000000500000001', 'hex')), [{ ...malformed, version: 'sFlow 5' }]);
  t.deepEqual(say(Buffer.from('GET / HTTP')), [{ ...malformed, version: undefined }]);
  t.deepEqual(say(DEFINE), []);
  t.deepEqual(say(DEFINE.subarray(0, 20)), [{ ...malformed, reason: 'length', version: undefined }]);
});

test('the counters of a session are kept after it', t => {
  const { stats, sessions, define } = open({ udpSessions: 1 });
  define('a');
  sessions.decode(message({ sequence: 5 }, set(256, u8(6))), 'a');
  define('b');
  t.is(stats.sequenceLost, 4);
  t.is(stats.records, 3);
});
