import { Buffer } from 'node:buffer';
import { decodeMessage, type DecodedMessage } from '../../../src/collector/decode/decode.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { CSV_HEADER, recordToCsv } from '../../../src/collector/formats/csv.js';
import { IpfixFile } from '../../../src/collector/formats/ipfix-file.js';
import { recordToJson } from '../../../src/collector/formats/json.js';
import { DEFAULT_LIMITS } from '../../../src/collector/limits.js';
import { MessageFramer } from '../../../src/collector/message-framer.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import { UdpSessions } from '../../../src/collector/udp-sessions.js';
import { RICH } from '../../helpers/builders/rich-messages.js';
import { fixture } from '../fixtures.js';
import { mendMessages } from '../mend-messages.js';
import type { Target } from '../target.js';

const COLUMNS = CSV_HEADER.split(',').length;
const LIMITS = { ...DEFAULT_LIMITS, fields: 2000, pendingOctets: 32_768 };

/** The first octet says whether what follows are datagrams or a stream; both are messages one after another. */
const target: Target = {
  covers: ['/dist/collector/'],
  seeds: () => {
    const messages = [...RICH.map(bytes => [bytes]), RICH, RICH.toReversed(), [fixture('rich.ipfix')]];
    return messages.flatMap(each => [0, 1].map(first => Buffer.concat([Buffer.from([first]), ...each])));
  },
  mend: input => mendMessages(input, 1),
  run: input => {
    const stats = newStats();
    const records: CollectedRecord[] = [];
    const take = (bytes: Uint8Array, decoded: DecodedMessage): void => {
      if (decoded.malformed !== undefined && decoded.records.length > 0)
        throw new Error('records of a malformed message');
      for (const read of decoded.waited ?? []) records.push(...read());
      records.push(...decoded.records);
      if (bytes.length > 0xffff) throw new Error('a message beyond its largest length');
    };
    let messages = 0;
    if ((input[0] & 1) === 1) {
      const session = new TransportSession('tcp://192.0.2.1:4000', 'tcp', stats, LIMITS);
      new MessageFramer().push(input.subarray(1), bytes => {
        messages++;
        take(bytes, decodeMessage(bytes, session));
        if (session.fields < 0 || session.fields > LIMITS.fields) throw new Error(`${session.fields} fields`);
      });
    } else {
      const sessions = new UdpSessions(stats, LIMITS);
      for (const bytes of datagrams(input.subarray(1))) {
        messages++;
        take(bytes, sessions.decode(bytes, 'udp://192.0.2.1:4000'));
      }
      sessions.close();
    }
    if (stats.messages + stats.malformedMessages !== messages) throw new Error('a message is not counted once');
    if (stats.records + stats.optionsRecords !== records.length) throw new Error('a record is not counted once');
    if (stats.sequenceLost < 0 || stats.waitingSets !== 0) throw new Error('a count is wrong');
    check(records);
  },
};
export default target;

function* datagrams(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const length = at + 4 <= bytes.length ? Math.max((bytes[at + 2] << 8) | bytes[at + 3], 1) : bytes.length;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Every format takes every record, and the file has the same records again. */
function check(records: readonly CollectedRecord[]): void {
  const messages: Uint8Array[] = [];
  const file = new IpfixFile(bytes => messages.push(bytes));
  for (const record of records) {
    JSON.parse(recordToJson(record));
    const line = recordToCsv(record);
    if (!line.endsWith('\r\n') || /[\p{C};]/u.test(line.slice(0, -2))) throw new Error('CSV with a control character');
    if (columns(line) !== COLUMNS) throw new Error('CSV with other columns');
    file.add(record);
  }
  file.flush();
  const reader = new TransportSession('file', 'tcp', newStats(), { ...LIMITS, fields: 1e9, domains: 1e6 });
  const again = messages.flatMap(bytes => decodeMessage(bytes, reader).records);
  const { malformedMessages, undecodableSets, conflictingTemplates, sequenceLost, refusedTemplates } = reader.stats;
  const faults = [malformedMessages, undecodableSets, conflictingTemplates, sequenceLost, refusedTemplates];
  if (faults.some(count => count > 0)) throw new Error(`a file that is not right: ${faults.join(', ')}`);
  const flows = again.filter(record => record.get('originalObservationDomainId') === undefined || !record.isOptions);
  const own = records.filter(record => record.get('originalObservationDomainId') === undefined || !record.isOptions);
  if (flows.length !== own.length) throw new Error('a file with other records');
  for (const [i, record] of flows.entries()) if (values(record) !== values(own[i])) throw new Error('another record');
}

/** What is behind the head, which has exporter and domain. */
function values(record: CollectedRecord): string {
  const { exporter, observationDomain, ...rest } = JSON.parse(recordToJson(record)) as Record<string, unknown>;
  return JSON.stringify(rest);
}

function columns(line: string): number {
  return line.replaceAll(/"(?:[^"]|"")*"/g, '').split(',').length;
}
