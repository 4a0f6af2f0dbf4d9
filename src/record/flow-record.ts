import type { Batch } from '../row/batch.js';
import { type ConnectionTable, ZEROED } from '../store/connection-table.js';
import {
  BIFLOW_DIRECTION,
  EGRESS_RULE_NAME_WORD,
  END_REASON,
  FAMILY,
  FLOW_END_MS_WORD,
  FLOW_ID_WORD,
  FLOW_START_MS_WORD,
  HASH_WORD,
  HAS_HELPER,
  HAS_TCP_FLAGS,
  HAS_TCP_HEADER,
  HELPER_WORD,
  IDENTITY_FLAGS,
  ID_WORD,
  MARK_WORD,
  NAT_TYPE,
  ORIG_PACKET_DELTA_WORD,
  ORIG_SPORT_WORD,
  ORIG_ZONE_WORD,
  PRESENT_WORD,
  PROTOCOL,
  RECORD_SIZE,
  ROW_WORDS,
  SOURCE_POD_NAME_WORD,
  START_NS_WORD,
  TCP_FLAGS,
} from '../row/layout.generated.js';
import { ACK, AF_INET6, IPPROTO_TCP, SYN } from '../row/protocol.js';
import type { RecordAugmenter } from './record-augmenter.js';
import { COUNTER_WORDS, type ExportSlots, COUNTERS_WORD } from '../schedule/export-state.js';
import { writeNumber } from '../common/u64.js';

const RECORD_WORDS = RECORD_SIZE / 4;
const DELTA_WORD = ORIG_PACKET_DELTA_WORD;
const FIRST_NAME = SOURCE_POD_NAME_WORD;
const LAST_NAME = EGRESS_RULE_NAME_WORD;

/** natType (IE 297). */
const NAT44 = 1;
const NAT66 = 5;

/** Conntrack sets it for both directions when it picks a connection up in the middle (nf_conntrack_proto_tcp.c). */
const IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;

/** biflowDirection (IE 239). */
const ARBITRARY = 0;
const INITIATOR = 1;
const REVERSE_INITIATOR = 2;

const PORTS_WORD = ORIG_SPORT_WORD;
const ZONES_WORD = ORIG_ZONE_WORD;

/** Of a row, what a template may ask for; all else in the record is what was there before. */
function copyFacts(rows: Uint32Array, from: number, out: Uint32Array, to: number, v6: boolean): void {
  if (v6) for (let word = 0; word < PORTS_WORD; word++) out[to + word] = rows[from + word];
  else for (let word = 0; word < PORTS_WORD; word += 4) out[to + word] = rows[from + word];
  // ports, family, protocol, state, what is known, id
  for (let word = PORTS_WORD; word <= ID_WORD; word++) out[to + word] = rows[from + word];
  out[to + MARK_WORD] = rows[from + MARK_WORD];
  out[to + ZONES_WORD] = rows[from + ZONES_WORD];
}

/** The four counters, and their deltas against those last exported, modulo 2^64. */
function writeCounters(
  rows: Uint32Array,
  from: number,
  exported: Uint32Array,
  at: number,
  out: Uint32Array,
  to: number,
): void {
  for (let word = 0; word < COUNTER_WORDS; word += 2) {
    const low = rows[from + word];
    const high = rows[from + word + 1];
    const lowBefore = exported[at + word];
    out[to + COUNTERS_WORD + word] = low;
    out[to + COUNTERS_WORD + word + 1] = high;
    out[to + DELTA_WORD + word] = low - lowBefore;
    out[to + DELTA_WORD + word + 1] = high - exported[at + word + 1] - (low < lowBefore ? 1 : 0);
  }
}

/**
 * Appends a connection to a batch of flow records: the fields of its row that templates ask for, times, counters, deltas, the
 * reason.
 * @param exported its counters as last exported
 * @param augmenters add the fields that no row holds
 */
export function appendRecord(
  batch: Batch,
  table: ConnectionTable,
  slot: number,
  exported: ExportSlots,
  reason: number,
  augmenters: readonly RecordAugmenter[],
): void {
  const { rows, bytes } = table;
  const { u32: out } = batch;
  const from = slot * ROW_WORDS;
  const to = batch.count * RECORD_WORDS;
  const present = rows[from + PRESENT_WORD];
  const v6 = bytes[from * 4 + FAMILY] === AF_INET6;
  copyFacts(rows, from, out, to, v6);
  if (present & HAS_HELPER) table.copyHelper(slot, out, to + HELPER_WORD);
  const start = table.startMs(slot);
  writeNumber(out, to + FLOW_START_MS_WORD, start);
  writeNumber(out, to + FLOW_END_MS_WORD, table.endMs(slot));
  writeCounters(rows, from + COUNTERS_WORD, exported.words, exported.countersAt(slot), out, to);
  // the total goes on from what was counted before: it is what the deltas add up to
  if (table.flags[slot] & ZEROED) table.addZeroed(slot, out, to + COUNTERS_WORD);
  writeFlowId(rows, from, start, out, to + FLOW_ID_WORD);
  const byte = to * 4;
  batch.bytes[byte + END_REASON] = reason;
  batch.bytes[byte + BIFLOW_DIRECTION] = direction(present, bytes, from * 4);
  batch.bytes[byte + NAT_TYPE] = v6 ? NAT66 : NAT44;
  for (const augmenter of augmenters) augmenter.write(slot, batch, byte);
  batch.count++;
}

/** The numbers of names in a batch: see NameHolder. */
export function eachName(batch: Batch, keep: (number: number) => void): void {
  for (let record = 0; record < batch.count; record++) {
    const from = record * RECORD_WORDS;
    for (let word = from + FIRST_NAME; word <= from + LAST_NAME; word++) keep(batch.u32[word]);
  }
}

/**
 * The original direction is the initiator's, unless TCP was picked up in the middle, or may have been. Of a denied packet, SYN
 * tells who begins.
 */
function direction(present: number, bytes: Uint8Array, row: number): number {
  if (bytes[row + PROTOCOL] !== IPPROTO_TCP) return INITIATOR;
  if (present & HAS_TCP_HEADER) return directionOfPacket(bytes[row + TCP_FLAGS]);
  const flags = present & HAS_TCP_FLAGS ? bytes[row + TCP_FLAGS] : IP_CT_TCP_FLAG_BE_LIBERAL;
  return flags & IP_CT_TCP_FLAG_BE_LIBERAL ? ARBITRARY : INITIATOR;
}

function directionOfPacket(flags: number): number {
  if ((flags & SYN) === 0) return ARBITRARY;
  return flags & ACK ? REVERSE_INITIATOR : INITIATOR;
}

const scratch = new Uint32Array(2);

/**
 * flowId (IE 148): the kernel's id and start time hashed into 64 bits, the same after a restart. Where one of them is not
 * known, the tuple's hash and the flow start take their place.
 */
export function writeFlowId(row: Uint32Array, from: number, startMs: number, out: Uint32Array, at: number): void {
  let id = row[from + ID_WORD] | 0;
  let low = row[from + START_NS_WORD] | 0;
  let high = row[from + START_NS_WORD + 1] | 0;
  if ((row[from + PRESENT_WORD] & IDENTITY_FLAGS) !== IDENTITY_FLAGS) {
    id = row[from + HASH_WORD] | 0;
    writeNumber(scratch, 0, startMs);
    low = scratch[0] | 0;
    high = scratch[1] | 0;
  }
  out[at] = mix(mix(mix(0x9747b28c, id), low), high);
  out[at + 1] = mix(mix(mix(0x3c6ef372, high), id), low);
}

/** One step of a 32-bit multiplicative hash with full avalanche; signed, as a larger number would be allocated. */
function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
