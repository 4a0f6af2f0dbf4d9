/** The exported records, read back by strict peers, against what conntrack -L says: value by value, by element name. */
import test from 'ava';
import { ANTREA, type Element } from '../../../src/ipfix/element.js';
import { elementByName } from '../../../src/ipfix/registry.js';
import { BACKENDS } from '../../helpers/kernel/command.js';
import { readWithIpfixDump } from '../../helpers/oracles/ipfix-dump.js';
import { readWithPython } from '../../helpers/oracles/python-ipfix.js';
import type { OracleRecord } from '../../helpers/oracles/record.js';
import { readWithTshark } from '../../helpers/oracles/tshark.js';
import { needs } from '../../helpers/kernel/require.js';
import { byConnection, checkDeltas, compareStandard, COUNTERS, sum } from '../compare.js';
import { expectedAntrea, expectedStandard, keyOf } from './expected.js';
import { exportScene, type Exported } from '../export-scene.js';

const RIG = ['namespace', 'conntrack', 'ping'];
for (const { name: backend, needs: wanted } of BACKENDS) {
  let exported: Promise<Exported> | undefined;
  const scene = () => (exported ??= exportScene(backend));
  const against = (...peers: string[]) => needs(test.serial, [...RIG, ...wanted, ...peers]);

  against()(`${backend}: the scene has a connection of every kind`, async t => {
    const { listed } = await scene();
    const kinds = {
      snat: listed.filter(({ reply }) => reply.dst === '203.0.113.9').length,
      dnat: listed.filter(({ original, reply }) => original.dport === '80' && reply.sport === '8080').length,
      zones: listed.flatMap(({ zone, original, reply }) => zone ?? original.zone ?? reply.zone ?? []).toSorted(),
      marks: listed.filter(({ mark }) => mark !== '0').length,
      states: listed.flatMap(({ state }) => state ?? []).toSorted(),
      unreplied: listed.filter(({ flags }) => flags.includes('UNREPLIED')).length,
      protocols: listed
        .map(({ family, protocol }) => `${family} ${protocol}`)
        .filter((kind, i, all) => all.indexOf(kind) === i)
        .toSorted(),
    };
    t.deepEqual(kinds, {
      snat: 1,
      dnat: 2,
      zones: ['7', '8', '9'],
      marks: 1,
      states: ['ESTABLISHED', 'ESTABLISHED', 'ESTABLISHED', 'ESTABLISHED', 'ESTABLISHED', 'TIME_WAIT'],
      unreplied: 2,
      protocols: ['ipv4 1', 'ipv4 132', 'ipv4 17', 'ipv4 6', 'ipv6 17', 'ipv6 58', 'ipv6 6'],
    });
  });

  against('tshark')(`${backend}: tshark reads over UDP what conntrack -L says`, async t => {
    const { udp, listed } = await scene();
    const { records, complaints, unknown } = await readWithTshark(udp);
    t.deepEqual(complaints, []);
    t.deepEqual(unknown, []);
    compareStandard(t, records, listed, backend);
  });

  against('ipfixDump')(`${backend}: ipfixDump reads over UDP what conntrack -L says`, async t => {
    const { udp, listed } = await scene();
    compareStandard(t, await readWithIpfixDump(Buffer.concat(udp)), listed, backend);
  });

  for (const [peer, read] of [
    ['ipfixDump', readWithIpfixDump],
    ['python3-ipfix', readWithPython],
  ] as const) {
    against(peer)(`${backend}: ${peer} reads over TCP what conntrack -L says`, async t => {
      const { tcp, listed } = await scene();
      t.is(tcp.length, 1, 'one connection, never lost');
      compareStandard(t, await read(tcp[0]), listed, backend);
    });

    against(peer)(`${backend}: ${peer} reads Netfilter's elements as conntrack -L says`, async t => {
      const { netfilter, listed } = await scene();
      const flows = byConnection(await read(Buffer.concat(netfilter), ['mark', 'conntrack_id'].map(elementByName)));
      for (const connection of listed) {
        const key = keyOf(expectedStandard(connection, backend));
        const last = flows.get(key)!.at(-1)!;
        t.is(last['mark'] ?? '0', connection.mark, `${key}: mark`);
        t.is(last['conntrack_id'] ?? '', backend === 'native' ? connection.id : '', `${key}: conntrack_id`);
      }
      t.is([...flows.values()].filter(reported => reported[0]['mark'] === '2147483649').length, 1);
    });

    against(peer)(`${backend}: ${peer} reads the profile antrea as conntrack -L says`, async t => {
      const { antrea, listed } = await scene();
      const expected = listed.map(expectedAntrea);
      const flows = byConnection(await read(Buffer.concat(antrea), antreaElements(expected)));
      t.is(flows.size, expected.length);
      for (const record of expected) {
        const key = keyOf(record);
        const reported = flows.get(key) ?? [];
        for (const [name, value] of Object.entries(record)) t.is(reported.at(-1)?.[name], value, `${key}: ${name}`);
        checkDeltas(t, reported);
      }
    });
  }

  against('nfcapd', 'nfdump')(`${backend}: nfcapd's totals and records are what conntrack -L says`, async t => {
    const { nfcapd, listed } = await scene();
    const expected = listed.map(connection => expectedStandard(connection, backend));
    const { records, packets, octets, sequenceErrors, badPackets } = nfcapd!;
    const whole = (name: string, reverse: string) => BigInt(sum(expected, name)) + BigInt(sum(expected, reverse));
    t.is(packets, whole('packetTotalCount', 'reversePacketTotalCount'));
    t.is(octets, whole('octetTotalCount', 'reverseOctetTotalCount'));
    t.is(sequenceErrors, 0);
    t.is(badPackets, 0);
    const flows = byConnection(records);
    t.is(flows.size, expected.length);
    const unknown = /TotalCount|natType|postNAT.*IPv6|ipVersion/;
    for (const record of expected) {
      const key = keyOf(record);
      const reported = flows.get(key) ?? [];
      for (const [delta, total] of COUNTERS) t.is(sum(reported, delta), record[total], `${key}: ${delta}`);
      for (const [name, value] of Object.entries(record)) {
        if (!unknown.test(name)) t.is(reported.at(-1)?.[name], value, `${key}: ${name}`);
      }
    }
  });

  against('nfacctd')(`${backend}: nfacctd reads the original direction as conntrack -L says`, async t => {
    const { nfacctd, listed } = await scene();
    const flows = byConnection(nfacctd!);
    const expected = listed.map(connection => expectedStandard(connection, backend));
    t.is(flows.size, expected.length);
    const known = /^(source|destination|post|protocol).*(Address|Port|Identifier)$/;
    for (const record of expected) {
      const key = keyOf(record);
      const reported = flows.get(key) ?? [];
      t.is(sum(reported, 'packetDeltaCount'), record['packetTotalCount'], `${key}: packets`);
      t.is(sum(reported, 'octetDeltaCount'), record['octetTotalCount'], `${key}: octets`);
      for (const [name, value] of Object.entries(record)) {
        if (known.test(name) && !/postNAT.*IPv6/.test(name)) t.is(reported.at(-1)?.[name], value, `${key}: ${name}`);
      }
    }
  });
}

function antreaElements(records: readonly OracleRecord[]): Element[] {
  const names = new Set(records.flatMap(record => Object.keys(record)));
  return [...names].map(elementByName).filter(({ enterprise }) => enterprise === ANTREA);
}
