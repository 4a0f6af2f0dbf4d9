/** What takers of NAT events make of those of profile nat. */
import test from 'ava';
import { elementByName } from '../../src/ipfix/registry.js';
import { backends } from '../helpers/backends.js';
import { masqueraded } from '../helpers/builders/translated.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { deliver } from '../helpers/oracles/deliver.js';
import { Nfacctd } from '../helpers/oracles/nfacctd.js';
import { Nfcapd } from '../helpers/oracles/nfcapd.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import { readWithTshark } from '../helpers/oracles/tshark.js';
import { exportTranslated } from '../helpers/rigs/nat-export.js';

/** A create, a delete and an end, of a connection with 300 octets there and 200 back. */
function exported() {
  const { messages, start } = exportTranslated(backends()[0], masqueraded(1, 0, [3, 300, 2, 200]));
  return { messages: messages.map(({ bytes }) => Buffer.from(bytes)), start };
}
const PAIR = {
  sourceIPv4Address: '192.0.2.1',
  postNATSourceIPv4Address: '203.0.113.1',
  sourceTransportPort: '1',
  postNAPTSourceTransportPort: '50001',
  destinationIPv4Address: '198.51.100.1',
  postNATDestinationIPv4Address: '198.51.100.1',
  destinationTransportPort: '53',
  postNAPTDestinationTransportPort: '53',
};

needs(test, ['tshark'])('tshark reads events and ends, and knows every element', async t => {
  const { messages, start } = exported();
  const { records, complaints, unknown } = await readWithTshark(messages);
  t.deepEqual(complaints, []);
  t.deepEqual(unknown, []);
  const [create, remove, end] = records;
  t.like(create, { ...PAIR, natEvent: '4', natInstanceID: '1', observationTimeMilliseconds: String(start + 1) });
  t.like(remove, { ...PAIR, natEvent: '5' });
  t.like(end, { ...PAIR, octetDeltaCount: '300' });
});

needs(test, ['python3-ipfix'])('python-ipfix reads events and ends', async t => {
  const { messages, start } = exported();
  const [create, remove, end] = await readWithPython(Buffer.concat(messages), [elementByName('natInstanceID')]);
  t.like(create, { ...PAIR, natEvent: '4', observationTimeMilliseconds: String(start + 1) });
  t.like(remove, { ...PAIR, natEvent: '5' });
  t.like(end, { ...PAIR, octetTotalCount: '300', reverseOctetTotalCount: '200' });
});

needs(test, ['namespace', 'nfcapd', 'nfdump'])('nfcapd reads both tuples of events and ends', async t => {
  const namespace = await PrivateNamespace.create(t);
  const nfcapd = await Nfcapd.listen(namespace, 4740);
  const { messages, start } = exported();
  await deliver(namespace, messages, 4740);
  const { records, octets, sequenceErrors, badPackets } = await nfcapd.stop();
  t.is(records.length, 3);
  for (const record of records) t.like(record, PAIR);
  t.deepEqual(
    records.map(({ natEvent }) => natEvent),
    ['4', '5', undefined],
  );
  t.is(records[0]['observationTimeMilliseconds'], String(start + 1));
  t.is(octets, 500n);
  t.deepEqual([sequenceErrors, badPackets], [0, 0]);
});

needs(test, ['namespace', 'nfacctd'])('nfacctd reads both tuples, and counts the octets of the end alone', async t => {
  const namespace = await PrivateNamespace.create(t);
  const nfacctd = await Nfacctd.listen(namespace, 4741);
  const { messages, start } = exported();
  await deliver(namespace, messages, 4741);
  const records = await nfacctd.stop();
  for (const record of records) t.like(record, PAIR);
  t.deepEqual(
    records.map(({ natEvent }) => natEvent),
    ['4', '5', undefined],
  );
  t.is(records[0]['observationTimeMilliseconds'], String(start + 1));
  const octets = records.reduce((sum, { octetDeltaCount = '0' }) => sum + Number(octetDeltaCount), 0);
  t.is(octets, 300, 'it does not read the reply direction');
});
