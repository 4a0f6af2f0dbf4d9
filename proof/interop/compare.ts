import type { OracleRecord } from '../../test/helpers/oracles/record.js';

/** Between the values of an element that occurs twice. */
export const EITHER = ' and ';

export type Verdict = 'right' | 'ignored' | 'wrong';

/** What a taker makes of one information element. */
export interface FieldResult {
  readonly verdict: Verdict;
  /** The first that is wrong: what was sent, and what the taker reads. */
  readonly wrong?: string;
}

export interface Comparison {
  readonly sent: number;
  /** Of the records that were sent, those that the taker has read. */
  readonly read: number;
  /** Records that were never sent. */
  readonly unexpected: readonly string[];
  /** By the name of the element, in the order of the records that were sent. */
  readonly fields: ReadonlyMap<string, FieldResult>;
}

/**
 * Compares field by field. An element is right where each record that the taker has read has its value, ignored where none has it,
 * else wrong.
 * @param keyed what tells records apart
 */
export function compare(
  sent: readonly OracleRecord[],
  read: readonly OracleRecord[],
  keyed: Keyed = byTuple,
): Comparison {
  const readings = keyed(read);
  const expected = keyed(sent);
  const seen = new Map<string, { right: number; absent: number; wrong?: string }>();
  let found = 0;
  for (const [key, record] of expected) {
    const reading = readings.get(key);
    if (reading) found++;
    for (const [name, value] of Object.entries(record)) {
      const count = seen.get(name) ?? { right: 0, absent: 0 };
      seen.set(name, count);
      if (!reading) continue;
      if (reading[name] === undefined) count.absent++;
      else if (value.split(EITHER).includes(reading[name].split(EITHER).at(-1)!)) count.right++;
      else count.wrong ??= `${key}: ${value} was sent, ${reading[name]} is read`;
    }
  }
  const fields = new Map<string, FieldResult>();
  for (const [name, { right, absent, wrong }] of seen) {
    if (wrong !== undefined) fields.set(name, { verdict: 'wrong', wrong });
    else if (right > 0 && absent > 0)
      fields.set(name, { verdict: 'wrong', wrong: `read in ${right} records, not in ${absent}` });
    else fields.set(name, { verdict: right > 0 ? 'right' : 'ignored' });
  }
  return {
    sent: expected.size,
    read: found,
    unexpected: [...readings.keys()].filter(key => !expected.has(key)),
    fields,
  };
}

type Keyed = (records: readonly OracleRecord[]) => Map<string, OracleRecord>;

/** Records by their places, where both have all of them. */
export function inOrder(records: readonly OracleRecord[]): Map<string, OracleRecord> {
  return new Map(records.map((record, i) => [`record ${i + 1}`, record]));
}

/** Records by what tells them apart: a flow by its tuple, an options record by its place among them. */
function byTuple(records: readonly OracleRecord[]): Map<string, OracleRecord> {
  const byKey = new Map<string, OracleRecord>();
  let options = 0;
  for (const record of records) {
    const key = tupleOf(record) ?? `options record ${++options}`;
    if (byKey.has(key)) throw new Error(`two records of ${key}`);
    byKey.set(key, record);
  }
  return byKey;
}

/** Records of connections whose addresses are all different: by these, and by their places among those that have the same. */
export function inTurn(records: readonly OracleRecord[]): Map<string, OracleRecord> {
  const byKey = new Map<string, OracleRecord>();
  const counts = new Map<string, number>();
  for (const record of records) {
    const of = (name: string): string => record[`${name}IPv4Address`] ?? record[`${name}IPv6Address`];
    const connection = `protocol ${record['protocolIdentifier']}, ${of('source')} > ${of('destination')}`;
    const count = (counts.get(connection) ?? 0) + 1;
    counts.set(connection, count);
    byKey.set(`${connection}, record ${count}`, record);
  }
  return byKey;
}

function tupleOf(record: OracleRecord): string | undefined {
  const side = (name: string): string => {
    const port = record[`${name}TransportPort`];
    const address = record[`${name}IPv4Address`] ?? record[`${name}IPv6Address`];
    return port === undefined || port === '0' ? address : `${address} ${port}`;
  };
  const protocol = record['protocolIdentifier'];
  return protocol === undefined ? undefined : `protocol ${protocol}, ${side('source')} > ${side('destination')}`;
}
