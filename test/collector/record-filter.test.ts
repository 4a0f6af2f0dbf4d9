import test from 'ava';
import * as fc from 'fast-check';
import { DateTime } from '../../src/collector/decode/date-time.js';
import { CollectedRecord } from '../../src/collector/decode/record.js';
import { Template } from '../../src/collector/decode/template.js';
import type { Value } from '../../src/collector/decode/value.js';
import { compileRecordFilter, recordFilter } from '../../src/collector/record-filter.js';
import { FIELDS } from '../../src/filter/fields.js';
import { FilterError } from '../../src/filter/filter-error.js';
import type { Element } from '../../src/ipfix/element.js';
import { elementByName, elementNames } from '../../src/ipfix/registry.js';
import { seeded } from '../helpers/seed.js';

const EXPORT_TIME = 1_700_000_000;

function record(values: Readonly<Record<string, Value>>, options = false): CollectedRecord {
  const elements = Object.keys(values).map(elementByName);
  const lengths = elements.map(() => 4);
  const template = new Template(256, options, options ? 1 : 0, elements, lengths);
  const header = { observationDomain: 7, exportTime: EXPORT_TIME, sequence: 0 };
  const origin = { ...header, exporter: 'udp://[2001:db8::9]:4000', bytes: new Uint8Array(0) };
  return new CollectedRecord(origin, template, Object.values(values), 0, 0);
}

const at = (seconds: number): DateTime => DateTime.fromMilliseconds(seconds * 1000)!;

const web = record({
  sourceIPv4Address: '10.1.2.3',
  destinationIPv4Address: '203.0.113.9',
  sourceTransportPort: 40_000,
  destinationTransportPort: 443,
  protocolIdentifier: 6,
  flowStartMilliseconds: at(EXPORT_TIME - 90),
  flowEndMilliseconds: at(EXPORT_TIME - 60),
  packetTotalCount: 10,
  octetTotalCount: 2n ** 60n,
  octetDeltaCount: 5,
  reversePacketTotalCount: 20,
  reverseOctetTotalCount: 7,
  postNATSourceIPv4Address: '198.51.100.7',
  postNATDestinationIPv4Address: '203.0.113.9',
  postNAPTSourceTransportPort: 1024,
  postNAPTDestinationTransportPort: 443,
  flowId: 123_456_789_012_345_678_901n,
  ingressVRFID: 7,
  applicationName: 'ftp',
  mark: 0xffff_ff1f,
  tcpState: 'ESTABLISHED',
  sourcePodName: 'web-1',
  destinationPodName: '',
  destinationServicePortName: 'default/web:https',
});
const six = record({
  sourceIPv4Address: '0.0.0.0',
  sourceIPv6Address: '2001:db8::1',
  destinationIPv6Address: '2001:db8:ffff::53',
  sourceTransportPort: 5353,
  destinationTransportPort: 53,
  protocolIdentifier: 17,
  flowStartSeconds: new DateTime(EXPORT_TIME - 2, 0, 0),
  octetDeltaCount: 60,
  packetDeltaCount: 1,
  firewallEvent: 3,
  ingressNetworkPolicyRuleAction: 2,
  ingressNetworkPolicyRuleName: 'no-dns',
  ingressInterface: 3,
  dataRecordsReliability: true,
  sourceMacAddress: '00:1b:21:3c:4d:5e',
});
const echo = record({
  sourceIPv4Address: '192.0.2.1',
  destinationIPv4Address: '198.51.100.1',
  protocolIdentifier: 1,
  destinationTransportPort: 0x0800,
  initiatorOctets: 84,
  responderOctets: 84,
  flowDurationMilliseconds: 250,
});
const other = record({ interfaceName: 'eth0' });
const options = record({ observationDomainId: 7, exportedOctetTotalCount: 9, protocolIdentifier: 6 }, true);
const ALL: Readonly<Record<string, CollectedRecord>> = { web, six, echo, other, options };

const CASES: readonly [text: string, matching: readonly string[]][] = [
  ['protocol == tcp && bytes > 1MB && src in 10.0.0.0/8', ['web']],
  ['family == ipv6', ['six']],
  ['family == ipv4', ['web', 'echo']],
  ['src in (10.0.0.0/8, 2001:db8::/32)', ['web', 'six']],
  ['src != 10.1.2.3', ['six', 'echo']],
  ['dst.port in 1-500', ['web', 'six']],
  ['dst.port == 2048', []],
  ['nat.src == 198.51.100.7 && nat.src.port == 1024', ['web']],
  ['nat.dst == 198.51.100.1', ['echo']],
  ['nat.dst.port == 53', ['six']],
  ['snat', ['web']],
  ['dnat', []],
  ['icmp.type == 8 && icmp.code == 0', ['echo']],
  ['zone == 7', ['web']],
  ['bytes.original > 1PB', ['web']],
  ['bytes.reply == 7', ['web']],
  ['bytes == 60', ['six']],
  ['bytes == 168', ['echo']],
  ['bytes.reply == 84', ['echo']],
  ['packets == 30', ['web']],
  ['packets.original == 1', ['six']],
  ['packets.reply >= 0', ['web']],
  ['age == 90s', ['web']],
  ['age == 2s', ['six']],
  ['duration == 30s', ['web']],
  ['duration == 250ms', ['echo']],
  ['tcp.state == established', ['web']],
  ['mark & 0xf0 == 0x10', ['web']],
  ['helper == ftp', ['web']],
  ['denied', ['six']],
  ['rule == no-dns', ['six']],
  ['src.pod == web-1', ['web']],
  ['dst.pod != web-1', []],
  ['service == "default/web:https"', ['web']],
  ['exporter in 2001:db8::/32', ['web', 'six', 'echo', 'other']],
  ['domain == 7 && protocol == tcp', ['web']],
  ['ingressInterface == 3', ['six']],
  ['octetDeltaCount < 1kB', ['web', 'six']],
  ['firewallEvent & 0x2', ['six']],
  ['sourceIPv4Address in 10.0.0.0/8', ['web']],
  ['interfaceName == eth0', ['other']],
  ['dataRecordsReliability', ['six']],
  ['sourceMacAddress == 00:1b:21:3c:4d:5e', ['six']],
  ['flowId == 123456789012345678901', ['web']],
  ['!(protocol == tcp)', ['six', 'echo', 'other']],
];

for (const [text, matching] of CASES) {
  test(`of records, ${JSON.stringify(text)} takes ${matching.join(' and ') || 'none of them'}`, t => {
    const matches = compileRecordFilter(recordFilter(text));
    const found = Object.entries(ALL).filter(([, one]) => matches(one));
    t.deepEqual(
      found.map(([name]) => name),
      matching,
    );
  });
}

test('a time between two milliseconds is the one before, and no comparison misses it', t => {
  const between = record({
    sourceIPv4Address: '10.0.0.1',
    flowStartMicroseconds: new DateTime(EXPORT_TIME - 5, 400_000, 6),
    flowEndMicroseconds: new DateTime(EXPORT_TIME, 0, 6),
  });
  const found = (text: string): boolean => compileRecordFilter(recordFilter(text))(between);
  for (const field of ['duration', 'age']) {
    t.true(found(`${field} < 5s`), field);
    t.true(found(`${field} == 4999ms`), field);
    t.true(found(`${field} != 5s`), field);
    t.false(found(`${field} >= 5s`), field);
  }
});

test('a mistake in the name of an element is named with the nearest right one', t => {
  const error = t.throws(() => recordFilter('octetDeltaCont > 5'), { instanceOf: FilterError });
  t.is(error?.column, 1);
  t.is(error?.hint, 'Write octetDeltaCount');
  t.is(t.throws(() => recordFilter('prtocol == tcp'), { instanceOf: FilterError })?.hint, 'Write protocol');
});

test('what no element carries, and times and lists, are refused', t => {
  t.throws(() => recordFilter('offloaded'), { instanceOf: FilterError, message: /is no field of a collector/ });
  t.throws(() => recordFilter('status & ASSURED'), { instanceOf: FilterError, message: /is no field of a collector/ });
  const message = /'flowStartSeconds' holds a time/;
  t.throws(() => recordFilter('flowStartSeconds == 5'), { instanceOf: FilterError, message });
  t.throws(() => recordFilter('mplsLabelStackSection2 == 5'), { instanceOf: FilterError, message: /holds octets/ });
  t.throws(() => recordFilter('bgpSourceCommunityList == 5'), {
    instanceOf: FilterError,
    message: /holds values of type/,
  });
});

test("elements of one's own are those that the collector was told of", t => {
  const named = (name: string, type: Element['type'], value: Value): CollectedRecord => {
    const element = { enterprise: 32_473, id: 1, name, type };
    const header = { observationDomain: 7, exportTime: EXPORT_TIME, sequence: 0, exporter: 'udp://192.0.2.1:1' };
    const template = new Template(256, false, 0, [element], [4]);
    return new CollectedRecord({ ...header, bytes: new Uint8Array(0) }, template, [value], 0, 0);
  };
  const holds = (text: string, one: CollectedRecord): boolean => compileRecordFilter(recordFilter(text))(one);
  const quick = named('tcpHandshakeMicroseconds', 'unsigned32', 250_500);
  for (const text of ['tcp.handshake == 250ms', 'tcp.handshake < 251ms', 'tcpHandshakeMicroseconds == 250500'])
    t.true(holds(text, quick), text);
  t.true(holds('tcp.handshake > 200ms && tcp.handshake < 1s', quick));
  t.false(holds('tcp.handshake < 1h', web), 'where it is not known');
  t.true(holds('sourceCommand == "nginx"', named('sourceCommand', 'string', 'nginx')));
});

test('property: any comparison of any field or element is answered for any value of it', t => {
  const names = [...FIELDS.keys(), ...elementNames()];
  const value = fc.oneof<fc.Arbitrary<Value>[]>(
    fc.nat(),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.string(),
    fc.constantFrom('10.0.0.1', '::1', true, false, at(5)),
    fc.uint8Array({ maxLength: 4 }),
  );
  const comparison = fc.constantFrom('', '== 1', 'in 10.0.0.0/8', '== x', '> 5s', '& 1', '!= tcp', '== ::1');
  let answered = 0;
  const property = fc.property(
    fc.constantFrom(...names),
    comparison,
    fc.constantFrom(...elementNames()),
    value,
    (...of) => {
      const [name, rest, element, content] = of;
      const read = (): ReturnType<typeof recordFilter> | undefined => {
        try {
          return recordFilter(`${name} ${rest}`);
        } catch (error) {
          if (error instanceof FilterError) return undefined;
          throw error;
        }
      };
      const filter = read();
      if (!filter) return;
      answered++;
      const matches = compileRecordFilter(filter);
      for (const one of [
        record({ [element]: content }),
        record(names.includes(name) && !FIELDS.has(name) ? { [name]: content } : {}),
      ]) {
        if (typeof matches(one) !== 'boolean') throw new Error('no answer');
      }
    },
  );
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 3000 }));
  t.true(answered > 100);
});
