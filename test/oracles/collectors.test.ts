import test from 'ava';
import { eventually } from '../helpers/eventually.js';
import { deliver } from '../helpers/oracles/deliver.js';
import { Nfacctd } from '../helpers/oracles/nfacctd.js';
import { Nfcapd } from '../helpers/oracles/nfcapd.js';
import type { OracleRecord } from '../helpers/oracles/record.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { ENTERPRISES, message, readings, STANDARD, statistics } from './literal.js';

const without = (record: OracleRecord, pattern: RegExp): OracleRecord =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !pattern.test(name)));

needs(test, ['namespace', 'nfcapd', 'nfdump'])('nfcapd reads what it knows by name', async t => {
  const namespace = await PrivateNamespace.create(t);
  const nfcapd = await Nfcapd.listen(namespace, 4740);
  const all = [...STANDARD, ...ENTERPRISES];
  await deliver(namespace, [message(all)], 4740);
  const reading = await nfcapd.stop();
  const unknown = /TotalCount|flowId|natType|applicationName|postNAT.*IPv6|^mark$|tcpState/;
  const expected = readings(all).map(record => without(record, unknown));
  t.deepEqual(
    reading.records.map(record => without(record, /DeltaCount|Milliseconds/)),
    expected.map(record => without(record, /DeltaCount|Milliseconds/)),
  );
  t.deepEqual(reading.records.slice(0, STANDARD.length), expected.slice(0, STANDARD.length));
  t.is(reading.flows, all.length);
  t.is(reading.packets, BigInt(STANDARD.length) * 24n);
  t.is(reading.octets, BigInt(STANDARD.length) * (4_294_968_408n + 8_589_935_906n));
  t.is(reading.sequenceErrors, 0);
  t.is(reading.badPackets, 0);
});

needs(test, ['namespace', 'nfcapd', 'nfdump'])(
  'nfcapd is read whole even when it began a new file meanwhile',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    const nfcapd = await Nfcapd.listen(namespace, 4740, 2);
    const [first, ...others] = STANDARD;
    await deliver(namespace, [message([first])], 4740);
    const before = (await nfcapd.files()).length;
    await eventually('a file is finished', async () => (await nfcapd.files()).length > before);
    await deliver(namespace, [message(others, 1)], 4740);
    const { records, flows, sequenceErrors } = await nfcapd.stop();
    t.is(records.length, STANDARD.length);
    t.deepEqual([flows, sequenceErrors], [STANDARD.length, 0]);
  },
);

needs(test, ['namespace', 'nfcapd', 'nfdump'])('nfcapd counts a wrong sequence number', async t => {
  const namespace = await PrivateNamespace.create(t);
  const nfcapd = await Nfcapd.listen(namespace, 4740);
  await deliver(namespace, [message(STANDARD, 0), message(STANDARD, STANDARD.length + 3)], 4740);
  t.is((await nfcapd.stop()).sequenceErrors, 1);
});

needs(test, ['namespace', 'nfcapd', 'nfdump'])('nfcapd takes options data for lost records', async t => {
  const namespace = await PrivateNamespace.create(t);
  const nfcapd = await Nfcapd.listen(namespace, 4740);
  const one = STANDARD.slice(0, 1);
  await deliver(namespace, [message(one, 0), statistics(1), message(one, 2)], 4740);
  t.is((await nfcapd.stop()).sequenceErrors, 1);
});

needs(test, ['namespace', 'nfacctd'])('nfacctd reads what it knows by name', async t => {
  const namespace = await PrivateNamespace.create(t);
  const nfacctd = await Nfacctd.listen(namespace, 4741);
  await deliver(namespace, [message(STANDARD)], 4741);
  const records = await nfacctd.stop();
  const unknown = /TotalCount|^reverse|flowId|natType|applicationName|VRFID|postNAT.*IPv6|flowEndReason|biflow|icmp/;
  const expected = readings(STANDARD).map(record => without(record, unknown));
  t.is(records.length, 6, 'three records differ in nothing that nfacctd knows');
  for (const record of expected) {
    const same = expected.filter(other => JSON.stringify(other) === JSON.stringify(record)).length;
    const summed = (name: string) => ({ [name]: String(BigInt(record[name]) * BigInt(same)) });
    const merged = { ...record, ...summed('packetDeltaCount'), ...summed('octetDeltaCount') };
    t.true(
      records.some(read => alike(read, merged)),
      JSON.stringify(merged),
    );
  }
});

function alike(one: OracleRecord, other: OracleRecord): boolean {
  return JSON.stringify(Object.entries(one).toSorted()) === JSON.stringify(Object.entries(other).toSorted());
}

needs(test, ['namespace'])('a capture keeps every datagram in order', async t => {
  const namespace = await PrivateNamespace.create(t);
  const traffic = new Traffic(namespace);
  const { port, handle } = await traffic.do('capture', { host: '127.0.0.1', port: 4739 });
  await deliver(namespace, [Buffer.from('one'), Buffer.from('two')], port);
  const { parts } = await traffic.do('captured', { handle, from: 0 });
  t.deepEqual(
    parts.map(part => Buffer.from(part, 'base64').toString()),
    ['one', 'two'],
  );
});
