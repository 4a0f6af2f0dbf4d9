import { decodeMessage } from '../../src/collector/decode/decode.js';
import { elementByName } from '../../src/ipfix/registry.js';
import { newStats } from '../../src/collector/stats.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import { readWithIpfixDump } from '../../test/helpers/oracles/ipfix-dump.js';
import type { OracleRecord } from '../../test/helpers/oracles/record.js';
import { compare, inOrder, type Comparison } from './compare.js';
import { textOf } from './exported.js';

const TAUGHT = ['mark', 'conntrack_id', 'sourcePodName'].map(elementByName);
/** Not every exporter counts data records as RFC 7011 section 3.1 says. */
const OUT_OF_SEQUENCE = /IPFIX Message out of sequence/;

/** As ipfixDump shows it: octets without a one as a number, booleans as RFC 7011 section 6.1.5 has them. */
function shown(record: OracleRecord): OracleRecord {
  const text = (value: string): string => ({ true: '1', false: '2' })[value] ?? (/^0+$/.test(value) ? '0' : value);
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, text(value)]));
}

/** What ctflow's collector reads of messages, against what libfixbuf reads. */
export async function compareCollected(messages: readonly Buffer[]): Promise<Comparison> {
  const stats = newStats();
  const session = new TransportSession('exporter', 'udp', stats);
  const read = messages.flatMap(bytes => [...decodeMessage(bytes, session).records].map(textOf));
  const { malformedMessages, undecodableSets } = stats;
  if (malformedMessages + undecodableSets > 0) throw new Error(`not read whole: ${JSON.stringify(stats)}`);
  const reference: readonly OracleRecord[] = await readWithIpfixDump(Buffer.concat(messages), TAUGHT, OUT_OF_SEQUENCE);
  return compare(reference, read.map(shown), inOrder);
}
