import { Buffer } from 'node:buffer';
import test from 'ava';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { DEFAULT_LIMITS } from '../../../src/collector/limits.js';
import { newStats } from '../../../src/collector/stats.js';
import type { Trouble } from '../../../src/collector/trouble.js';
import { UdpSessions } from '../../../src/collector/udp-sessions.js';
import {
  hex,
  message,
  optionsTemplateSet,
  set,
  short,
  templateSet,
  u8,
  VARIABLE,
} from '../../helpers/builders/ipfix-builder.js';

const DEFINE = templateSet(256, [4, 1]);
const protocols = (...values: number[]): Buffer => set(256, Buffer.from(values));

function open(limits = {}) {
  const stats = newStats();
  const troubles: Trouble[] = [];
  const sessions = new UdpSessions(stats, { ...DEFAULT_LIMITS, ...limits }, trouble => troubles.push(trouble));
  /** Everything that a message brings, in order. */
  const receive = (bytes: Buffer, now = 0, from = 'udp://192.0.2.1:1', peer = from): CollectedRecord[] => {
    const { records, waited = [] } = sessions.decode(bytes, from, peer, now);
    return [...waited.flatMap(read => read()), ...records];
  };
  const values = (records: CollectedRecord[]): unknown[] => records.map(record => record.values[0]);
  return { stats, troubles, sessions, receive, values };
}

test('RFC 7011 section 8: sets in front of their template wait, and come in their order with their own headers', t => {
  const { stats, receive, values } = open();
  t.deepEqual(receive(message({ sequence: 0, exportTime: 100 }, protocols(1, 2))), []);
  t.deepEqual(receive(message({ sequence: 2, exportTime: 101 }, protocols(3))), []);
  t.deepEqual([stats.keptSets, stats.waitingSets, stats.undecodableSets], [2, 2, 0]);
  const records = receive(message({ sequence: 3, exportTime: 102 }, DEFINE, protocols(4)));
  t.deepEqual(values(records), [1, 2, 3, 4]);
  t.deepEqual(
    records.map(({ exportTime, message: { sequence } }) => [exportTime, sequence]),
    [
      [100, 0],
      [100, 0],
      [101, 2],
      [102, 3],
    ],
  );
  t.deepEqual([stats.records, stats.keptSets, stats.waitingSets, stats.undecodableSets], [4, 2, 0, 0]);
  t.is(stats.sequenceLost, 0);
  t.deepEqual(values(receive(message({ sequence: 4 }, DEFINE))), [], 'once');
});

test('a set in front of its template within one message is read', t => {
  const { stats, troubles, receive, values } = open();
  t.deepEqual(values(receive(message({}, protocols(1), DEFINE, protocols(2)))), [1, 2]);
  t.deepEqual([stats.undecodableSets, troubles.length], [0, 0]);
});

test('options records wait too, and what has variable length', t => {
  const { stats, receive, values } = open();
  receive(message({}, set(300, hex('00000007 0000000000000005')), set(301, short('lo'), short('eth0'))));
  const both = message(
    { sequence: 3 },
    optionsTemplateSet(300, 1, [149, 4], [41, 8]),
    templateSet(301, [82, VARIABLE]),
  );
  t.deepEqual(values(receive(both)), [7, 'lo', 'eth0']);
  t.deepEqual([stats.optionsRecords, stats.records], [1, 2]);
});

test('a template serves its own exporter and observation domain alone', t => {
  const { stats, receive } = open();
  receive(message({ domain: 1 }, protocols(1)));
  t.deepEqual(receive(message({ domain: 2 }, DEFINE)), []);
  t.deepEqual(receive(message({ domain: 1 }, DEFINE), 0, 'udp://192.0.2.1:2'), []);
  t.deepEqual(receive(message({ domain: 1 }, templateSet(257, [4, 1]))), []);
  t.is(stats.waitingSets, 1);
});

test('what does not fit its template is counted, and the rest is read', t => {
  const { stats, receive, values } = open();
  receive(message({}, set(256, hex('09 61'))));
  receive(message({}, set(256, short('ok'))));
  t.deepEqual(values(receive(message({}, templateSet(256, [82, VARIABLE])))), ['ok']);
  t.deepEqual([stats.undecodableSets, stats.waitingSets, stats.malformedMessages], [1, 0, 0]);
});

test('a set waits no longer than its time, and is then counted and said', t => {
  const { stats, troubles, sessions, receive, values } = open({ pendingLifetime: 1000 });
  receive(message({}, protocols(1)), 0);
  receive(message({}, protocols(2)), 500);
  sessions.expire(1000);
  t.is(stats.waitingSets, 2);
  sessions.expire(1001);
  t.deepEqual([stats.waitingSets, stats.undecodableSets], [1, 1]);
  t.deepEqual(troubles.at(-1), { kind: 'expired-sets', exporter: 'udp://192.0.2.1:1', count: 1 });
  t.deepEqual(values(receive(message({}, DEFINE), 1500)), [2]);
  receive(message({ domain: 9 }, protocols(3)), 2000);
  t.deepEqual(receive(message({ domain: 9 }, DEFINE), 3001), [], 'also where nobody has looked at the time');
  t.deepEqual([stats.waitingSets, stats.undecodableSets], [0, 2]);
});

test('an exporter that starts again with another template does not change the meaning of what waits', t => {
  const { stats, receive, values } = open();
  receive(message({ sequence: 1000, exportTime: 100 }, protocols(1)));
  t.deepEqual(
    values(receive(message({ sequence: 0, exportTime: 130 }, templateSet(256, [6, 1]), set(256, u8(2))))),
    [2],
  );
  t.is(stats.undecodableSets, 1);
});

test('a template that datagrams have overtaken serves them', t => {
  const { receive, values } = open();
  receive(message({ sequence: 10, exportTime: 100 }, protocols(1)));
  t.deepEqual(values(receive(message({ sequence: 5, exportTime: 100 }, DEFINE, protocols(2)))), [1, 2]);
});

test('what waits is bounded, and one host leaves room for others', t => {
  const { stats, receive } = open({ pendingOctets: 65_536 });
  const large = message({}, set(256, Buffer.alloc(1000)));
  for (let i = 0; i < 1000; i++) receive(large, 0, `udp://198.51.100.1:${i}`, '198.51.100.1');
  const alone = stats.waitingSets;
  t.true(alone > 10 && alone * 1500 <= 65_536 / 2 + 1500, String(alone));
  t.is(stats.undecodableSets, 1000 - alone);
  receive(large, 0, 'udp://192.0.2.7:1', '192.0.2.7');
  t.is(stats.waitingSets, alone + 1);
  t.is(receive(message({}, DEFINE), 0, 'udp://192.0.2.7:1', '192.0.2.7').length, 1000);
});

test('as much as may wait is decoded set by set, not at once', t => {
  const { stats, sessions } = open();
  for (let i = 0; i < 100; i++) sessions.decode(message({}, set(256, Buffer.alloc(60_000, 6))), 'a', 'a', 0);
  const { waited = [] } = sessions.decode(message({}, DEFINE), 'a', 'a', 0);
  t.is(stats.records, 0, 'nothing was decoded yet');
  t.is(waited.length, 100);
  t.is(waited[0]().length, 60_000);
  t.is(stats.records, 60_000);
});

test('without room a set is lost at once', t => {
  const { stats, sessions } = open({ pendingOctets: 0 });
  sessions.decode(message({}, protocols(1)), 'a');
  t.deepEqual([stats.undecodableSets, stats.waitingSets], [1, 0]);
});
