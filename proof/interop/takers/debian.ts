/** Takers that Debian has. */
import type { Element } from '../../../src/ipfix/element.js';
import { elementByName } from '../../../src/ipfix/registry.js';
import { PrivateNamespace } from '../../../test/helpers/kernel/namespace.js';
import { deliver } from '../../../test/helpers/oracles/deliver.js';
import { readWithIpfixDump } from '../../../test/helpers/oracles/ipfix-dump.js';
import { Nfacctd } from '../../../test/helpers/oracles/nfacctd.js';
import { Nfcapd } from '../../../test/helpers/oracles/nfcapd.js';
import { readWithPython } from '../../../test/helpers/oracles/python-ipfix.js';
import { readWithTshark } from '../../../test/helpers/oracles/tshark.js';
import { PLAIN, WITH_INTERFACES } from '../dialect.js';
import { packageVersion, without } from './programs.js';
import type { Taker } from './taker.js';

const PORT = 4739;
/** Elements of enterprises, which whoever uses these programs gives them. */
const TAUGHT: readonly Element[] = ['mark', 'conntrack_id', 'tcpState', 'tcpStatePrevList'].map(elementByName);

export const nfcapd: Taker = {
  name: 'nfcapd',
  dialect: { ...WITH_INTERFACES, options: false },
  nat: true,
  icmpWithoutPorts: true,
  run: 'nfcapd, read by nfdump',
  lacks: () => without('namespace', 'nfcapd', 'nfdump'),
  version: () => packageVersion('nfdump'),
  async read(messages, scope) {
    const namespace = await PrivateNamespace.create(scope);
    const collector = await Nfcapd.listen(namespace, PORT);
    await deliver(namespace, messages, PORT);
    const { records, sequenceErrors, badPackets } = await collector.stop();
    if (sequenceErrors + badPackets > 0)
      throw new Error(`${sequenceErrors} sequence errors, ${badPackets} bad packets`);
    return records;
  },
};

export const nfacctd: Taker = {
  name: 'nfacctd',
  dialect: { ...PLAIN, biflow: 'two-uniflows' },
  nat: true,
  run: 'nfacctd of pmacct',
  lacks: () => without('namespace', 'nfacctd'),
  version: () => packageVersion('pmacct'),
  async read(messages, scope) {
    const namespace = await PrivateNamespace.create(scope);
    const collector = await Nfacctd.listen(namespace, PORT);
    await deliver(namespace, messages, PORT);
    return collector.stop();
  },
};

export const tshark: Taker = {
  name: 'tshark',
  dialect: { ...WITH_INTERFACES, netfilterElements: true },
  nat: true,
  run: 'tshark of Wireshark',
  lacks: () => without('tshark'),
  version: () => packageVersion('tshark'),
  async read(messages) {
    const { records, complaints } = await readWithTshark(messages, PORT);
    if (complaints.length > 0) throw new Error(complaints.join('; '));
    return records;
  },
};

export const ipfixDump: Taker = {
  name: 'ipfixDump',
  dialect: { ...WITH_INTERFACES, netfilterElements: true },
  nat: true,
  run: 'ipfixDump of libfixbuf, given the elements of Netfilter and Antrea',
  lacks: () => without('ipfixDump'),
  version: () => packageVersion('libfixbuf-tools'),
  read: messages => readWithIpfixDump(Buffer.concat(messages), TAUGHT),
};

export const ipfix2csv: Taker = {
  name: 'ipfix2csv',
  dialect: { ...WITH_INTERFACES, netfilterElements: true },
  nat: true,
  run: 'the reader of ipfix2csv, given the elements of Netfilter and Antrea',
  lacks: () => without('python3-ipfix'),
  version: () => packageVersion('python3-ipfix'),
  async read(messages) {
    const records = await readWithPython(Buffer.concat(messages), TAUGHT);
    // of a text of fixed length it shows the padding too
    return records.map(record =>
      Object.fromEntries(Object.entries(record).map(([name, text]) => [name, text.replace(/\0+$/, '')])),
    );
  },
};
