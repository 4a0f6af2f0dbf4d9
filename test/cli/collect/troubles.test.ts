import test from 'ava';
import { describeTrouble, TroubleNotes } from '../../../src/cli/collect/troubles.js';
import type { MalformedReason } from '../../../src/collector/stats.js';
import type { Trouble } from '../../../src/collector/trouble.js';

const from = (exporter: string, version = 'NetFlow 9'): Trouble => ({
  kind: 'malformed-message',
  exporter,
  reason: 'version',
  version,
});

test('a trouble is said at once, and again only with its count', t => {
  const lines: string[] = [];
  const notes = new TroubleNotes(line => lines.push(line));
  for (let port = 1; port <= 1000; port++) notes.add(from(`udp://192.0.2.1:${port}`));
  t.deepEqual(lines, [
    'udp://192.0.2.1:1 sends NetFlow 9; ctflow reads IPFIX alone (version 10): set the exporter to IPFIX',
  ]);
  notes.add({ kind: 'dropped-datagram', exporter: 'udp://192.0.2.1:5' });
  notes.add(from('udp://[2001:db8::1]:7', 'NetFlow 5'));
  notes.add(from('udp://192.0.2.1:5', 'NetFlow 5'));
  t.is(lines.length, 4);
  t.regex(lines[2], /2001:db8::1\]:7 sends NetFlow 5;/);
  notes.flush();
  t.is(lines.length, 5);
  t.regex(lines[4], /^udp:\/\/192\.0\.2\.1:1000 .* \(999 more times\)$/);
  notes.flush();
  t.is(lines.length, 5);
  notes.add(from('udp://192.0.2.1:1'));
  t.is(lines.length, 6, 'a minute later it is said again');
});

test('however many hosts there are, few lines are printed', t => {
  const lines: string[] = [];
  const notes = new TroubleNotes(line => lines.push(line));
  for (let i = 0; i < 100_000; i++) notes.add(from(`udp://10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:9`));
  notes.flush();
  t.true(lines.length <= 30, `${lines.length} lines`);
  t.regex(lines.at(-1)!, /\(99979 more times\)$/);
});

test('every trouble has a sentence that names who sent it', t => {
  const exporter = 'tcp://192.0.2.1:40000';
  const where = { exporter, observationDomain: 5, template: 300 };
  const reasons: MalformedReason[] = ['version', 'length', 'set', 'template', 'record', 'truncated'];
  const all: Trouble[] = [
    { kind: 'undecodable-set', kept: false, ...where },
    { kind: 'undecodable-set', kept: true, ...where },
    { kind: 'expired-sets', exporter, count: 2 },
    { kind: 'refused-template', ...where, reason: 'limit' },
    { kind: 'refused-template', ...where, reason: 'empty' },
    { kind: 'expired-templates', exporter, count: 2 },
    ...reasons.map(reason => ({ kind: 'malformed-message', exporter, reason, version: undefined }) as const),
    { kind: 'dropped-datagram', exporter },
    { kind: 'evicted-session', exporter },
    { kind: 'refused-connection', exporter },
    { kind: 'timed-out-connection', exporter, begun: true },
    { kind: 'timed-out-connection', exporter, begun: false },
  ];
  const sentences = all.map(describeTrouble);
  for (const sentence of sentences)
    t.true(sentence.startsWith(`${exporter}`) && !sentence.includes('undefined'), sentence);
  t.is(new Set(sentences).size, all.length);
});
