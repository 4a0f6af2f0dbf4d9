import { spawnSync } from 'node:child_process';
import test from 'ava';
import { DateTime } from '../../src/collector/decode/date-time.js';
import { decodeMessage } from '../../src/collector/decode/decode.js';
import { MessageFramer } from '../../src/collector/message-framer.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import { needs, PYTHON } from '../helpers/kernel/require.js';
import * as literal from '../oracles/literal.js';

/** A record as the oracles read it: text, times in milliseconds. */
function reading(record: CollectedRecord): Record<string, string> {
  return Object.fromEntries(
    record.fields.map(({ element, value }) => [
      element.name,
      String(value instanceof DateTime ? value.milliseconds : value),
    ]),
  );
}

test('reads the messages that the strict peers are proven on', t => {
  const session = new TransportSession('test', 'udp');
  const standard = decodeMessage(literal.message(literal.STANDARD), session);
  t.deepEqual(standard.records.map(reading), literal.readings(literal.STANDARD));
  const next = literal.STANDARD.length;
  const enterprises = decodeMessage(literal.message(literal.ENTERPRISES, next), session);
  t.deepEqual(enterprises.records.map(reading), literal.readings(literal.ENTERPRISES));
  const statistics = decodeMessage(literal.statistics(next + literal.ENTERPRISES.length), session);
  t.deepEqual(statistics.records.map(reading), [literal.STATISTICS_READING]);
  t.is(session.stats.sequenceLost, 0);
  t.is(session.stats.undecodableSets, 0);
  decodeMessage(literal.ORPHAN, session);
  t.is(session.stats.undecodableSets, 1);
});

/**
 * Three messages of python3-ipfix: reduced sizes, a sequence that goes on, and every type that it knows except NTP times,
 * which it counts from 1970.
 */
const EXPORTER = `
import sys
import ipfix.ie, ipfix.message, ipfix.template
from datetime import datetime
from ipaddress import ip_address
ipfix.ie.use_iana_default()
ipfix.ie.use_5103_default()
names = ("flowStartSeconds", "flowStartMilliseconds",
  "sourceIPv4Address", "destinationIPv6Address", "protocolIdentifier", "octetTotalCount", "packetDeltaCount[4]",
  "reverseOctetTotalCount", "sourceMacAddress", "interfaceName", "dataRecordsReliability", "absoluteError",
  "ipHeaderPacketSection")
template = ipfix.template.from_ielist(256, ipfix.ie.spec_list(names))
buffer = ipfix.message.MessageBuffer()
for number in range(3):
  buffer.begin_export(8304)
  buffer.set_export_time(datetime(2026, 5, 28, 20, 26, 40 + number))
  if number == 0:
    buffer.add_template(template)
  buffer.export_ensure_set(256)
  for record in range(2):
    buffer.export_tuple((
      datetime(2026, 5, 28, 20, 26, 40), datetime(2026, 5, 28, 20, 26, 40, 123000),
      ip_address("192.0.2.1"), ip_address("2001:db8::5"), 6, 2**64 - 1 - number, 0xfffefdfc,
      2**53 - 1, bytes.fromhex("001b213c4d5e"), "ethä" * 100, record == 0, 1.5, bytes(range(5))))
  buffer.write_message(sys.stdout.buffer)
`;

needs(test, ['python3-ipfix'])('reads what python3-ipfix exports', t => {
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', EXPORTER], { env: { ...process.env, TZ: 'UTC' } });
  t.is(status, 0, stderr.toString());
  const session = new TransportSession('test', 'tcp');
  const records: CollectedRecord[] = [];
  new MessageFramer().push(stdout, bytes => records.push(...decodeMessage(bytes, session).records));
  t.is(records.length, 6);
  for (const [i, record] of records.entries()) {
    t.is(record.observationDomain, 8304);
    t.is(record.exportTime, 1_780_000_000 + Math.floor(i / 2));
    t.deepEqual(Object.fromEntries(record.fields.map(({ element, value }) => [element.name, value])), {
      flowStartSeconds: new DateTime(1_780_000_000, 0, 0),
      flowStartMilliseconds: new DateTime(1_780_000_000, 123_000_000, 3),
      sourceIPv4Address: '192.0.2.1',
      destinationIPv6Address: '2001:db8::5',
      protocolIdentifier: 6,
      octetTotalCount: 2n ** 64n - 1n - BigInt(Math.floor(i / 2)),
      packetDeltaCount: 0xfffefdfc,
      reverseOctetTotalCount: Number.MAX_SAFE_INTEGER,
      sourceMacAddress: '00:1b:21:3c:4d:5e',
      interfaceName: 'ethä'.repeat(100),
      dataRecordsReliability: i % 2 === 0,
      absoluteError: 1.5,
      ipHeaderPacketSection: new Uint8Array([0, 1, 2, 3, 4]),
    });
  }
  t.is(session.stats.sequenceLost, 0);
  t.is(session.stats.malformedMessages, 0);
});
