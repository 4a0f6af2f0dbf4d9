import test from 'ava';
import { decodeMessage } from '../../src/collector/decode/decode.js';
import { IpfixFile } from '../../src/collector/formats/ipfix-file.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import type { Element } from '../../src/ipfix/element.js';
import { readWithIpfixDump } from '../helpers/oracles/ipfix-dump.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import { needs } from '../helpers/kernel/require.js';
import { ENTERPRISES, message, readings, STANDARD, statistics, STATISTICS_READING } from './literal.js';

const TAUGHT: readonly Element[] = [
  { name: 'mark', enterprise: 21373, id: 4, type: 'unsigned32' },
  { name: 'tcpState', enterprise: 56506, id: 136, type: 'string' },
];
const PEERS = [
  ['ipfixDump', readWithIpfixDump],
  ['python3-ipfix', readWithPython],
] as const;

for (const [name, read] of PEERS) {
  const peer = needs(test, [name]);

  peer(`${name} reads every element of the profile standard by name`, async t => {
    t.deepEqual(await read(message(STANDARD)), readings(STANDARD));
  });

  peer(`${name} reads enterprise elements that it has definitions of`, async t => {
    t.deepEqual(await read(message(ENTERPRISES), TAUGHT), readings(ENTERPRISES));
  });

  peer(`${name} reads messages one after another, options data among them`, async t => {
    const stream = Buffer.concat([message(STANDARD.slice(0, 1), 0), statistics(1), message(STANDARD.slice(2, 3), 2)]);
    const expected = readings([STANDARD[0], STANDARD[2]]);
    t.deepEqual(await read(stream), [expected[0], STATISTICS_READING, expected[1]]);
  });

  peer(`${name} reads the file that the collector writes of two exporters, options records among them`, async t => {
    const chunks: Uint8Array[] = [];
    const file = new IpfixFile(bytes => chunks.push(bytes));
    for (const exporter of ['udp://192.0.2.1:1', 'tcp://[2001:db8::1]:1']) {
      const session = new TransportSession(exporter, 'tcp');
      for (const bytes of [message(STANDARD), statistics(STANDARD.length)])
        for (const record of decodeMessage(bytes, session).records) file.add(record);
    }
    file.flush();
    const records = await read(Buffer.concat(chunks));
    const flows = [...readings(STANDARD), STATISTICS_READING];
    const origins = records.filter(record => 'originalObservationDomainId' in record);
    t.deepEqual(
      origins.map(record => record['originalExporterIPv4Address'] ?? record['originalExporterIPv6Address']),
      ['192.0.2.1', '2001:db8::1'],
    );
    t.deepEqual(
      records.filter(record => !origins.includes(record)),
      [...flows, ...flows],
    );
  });

  peer(`${name} refuses a message whose version is not 10`, async t => {
    const wrong = message(STANDARD);
    wrong[1] = 9;
    await t.throwsAsync(read(wrong));
  });
}
