import type { ExecutionContext } from 'ava';
import type { BackendName } from '../helpers/kernel/command.js';
import type { ListedConnection } from '../helpers/kernel/conntrack-list.js';
import type { OracleRecord } from '../helpers/oracles/record.js';
import { expectedStandard, keyOf, UNLISTED } from './collectors/expected.js';

/** The deltas and the totals they add up to. */
export const COUNTERS = [
  ['packetDeltaCount', 'packetTotalCount'],
  ['octetDeltaCount', 'octetTotalCount'],
  ['reversePacketDeltaCount', 'reversePacketTotalCount'],
  ['reverseOctetDeltaCount', 'reverseOctetTotalCount'],
] as const;

/** Seconds for which a process may not run on a busy machine. */
const HELD_UP = 10;

/** The records of each connection in order; options data has no flow key and is left out. */
export function byConnection(records: readonly OracleRecord[]): Map<string, OracleRecord[]> {
  const flows = new Map<string, OracleRecord[]>();
  for (const record of records.filter(one => one['protocolIdentifier'] !== undefined)) {
    const key = keyOf(record);
    flows.set(key, [...(flows.get(key) ?? []), record]);
  }
  return flows;
}

/** Every element of every connection's last record, and no element besides. */
export function compareStandard(
  t: ExecutionContext,
  records: readonly OracleRecord[],
  listed: readonly ListedConnection[],
  backend: BackendName,
): void {
  const flows = byConnection(records);
  t.is(flows.size, listed.length, 'as many connections as the kernel has');
  for (const connection of listed) {
    const expected = expectedStandard(connection, backend);
    const key = keyOf(expected);
    const reported = flows.get(key) ?? [];
    const last = reported.at(-1) ?? {};
    for (const [name, value] of Object.entries(expected)) t.is(last[name], value, `${key}: ${name}`);
    // whether one end is the host stands in no listing
    const { flowDirection: _, ...others } = last;
    t.deepEqual(Object.keys(others).toSorted(), [...Object.keys(expected), ...UNLISTED].toSorted(), key);
    const { flowStartMilliseconds, flowEndMilliseconds, flowDurationMilliseconds } = last;
    t.is(Number(flowDurationMilliseconds), Number(flowEndMilliseconds) - Number(flowStartMilliseconds));
    checkTimes(t, reported, connection, backend);
    checkDeltas(t, reported);
    t.is(new Set(reported.map(({ flowId }) => flowId)).size, 1, `${key}: one flowId`);
  }
  t.is(new Set([...flows.values()].map(([{ flowId }]) => flowId)).size, listed.length, 'a flowId for each connection');
}

function checkTimes(
  t: ExecutionContext,
  reported: readonly OracleRecord[],
  { start }: ListedConnection,
  backend: BackendName,
): void {
  const starts = new Set(reported.map(({ flowStartMilliseconds }) => flowStartMilliseconds));
  t.is(starts.size, 1, 'the start does not move');
  const seconds = Math.floor(Number(reported[0]['flowStartMilliseconds']) / 1000);
  // procfs has an age in whole seconds: a start worked out from it can be a second late, and more where the exporter was held
  // up between the kernel's clock and its own
  if (backend === 'native') t.is(seconds, start!);
  else t.true(seconds >= start! && seconds - start! <= 1 + HELD_UP, `${seconds} ${start}`);
  let before = 0;
  for (const { flowStartMilliseconds, flowEndMilliseconds } of reported) {
    t.true(Number(flowEndMilliseconds) >= Number(flowStartMilliseconds), 'the end is not before the start');
    t.true(Number(flowEndMilliseconds) >= before, 'the end does not go back');
    before = Number(flowEndMilliseconds);
  }
  t.true(before <= Date.now(), 'the end is not in the future');
}

/** The exporter was there before the first packet: the deltas add up to the total. */
export function checkDeltas(t: ExecutionContext, reported: readonly OracleRecord[]): void {
  for (const [delta, total] of COUNTERS) {
    const sum = reported.reduce((whole, record) => whole + BigInt(record[delta]), 0n);
    t.is(String(sum), reported.at(-1)![total], `${keyOf(reported[0])}: ${delta}`);
  }
}

/** The sum of a counter over records. */
export function sum(records: readonly OracleRecord[], name: string): string {
  return String(records.reduce((whole, record) => whole + BigInt(record[name] ?? 0), 0n));
}
