import {
  BIFLOW_DIRECTION,
  EGRESS_INTERFACE_WORD,
  EGRESS_POLICY_NAME_WORD,
  EGRESS_RULE_ACTION,
  END_REASON,
  FACTS_SIZE,
  FAMILY,
  FLOW_DIRECTION,
  FLOW_DURATION_MS_WORD,
  FLOW_END_MS_WORD,
  FLOW_ID_WORD,
  FLOW_START_MS_WORD,
  FLOW_TYPE,
  FORWARDING_STATUS,
  HASH_WORD,
  HAS_TCP_FLAGS,
  HAS_TCP_HEADER,
  IDENTITY_FLAGS,
  ID_WORD,
  INGRESS_INTERFACE_WORD,
  INGRESS_POLICY_NAME_WORD,
  INGRESS_RULE_ACTION,
  LABELS,
  NAT_TYPE,
  ORIG_PACKET_DELTA_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  PROTOCOL,
  REVERSE_FLOW_DIRECTION,
  ROW_SIZE,
  ROW_WORDS,
  SOURCE_AS_NUMBER_WORD,
  SOURCE_POD_NAME_WORD,
  SOURCE_USER_NAME_WORD,
  SOURCE_WORKLOAD_WORD,
  START_NS_WORD,
  STATE,
  TCP_FLAGS,
  TCP_STATE_HISTORY_WORD,
  USER_NAME_WORD,
} from '../row/layout.generated.js';
import { ACK, AF_INET6, IPPROTO_TCP, SYN } from '../row/protocol.js';
import { writeNumber } from '../common/u64.js';
import { U32_MAX } from '../common/unsigned.js';
import {
  ADDRESS_FACTS,
  EXPORTED_COUNTERS,
  EXPORTED_SIZE,
  FLOW_INTERFACES,
  FLOW_NAMES,
  FLOW_OWNERS,
  FROM_HOST,
  OWNER_WORDS,
  POD_FACTS,
  RULE_WORDS,
  type FlowColumns,
} from './columns.js';
import { statesBefore } from './tcp-states.js';

const COUNTER_WORDS = 8;
const EXPORTED_WORDS = EXPORTED_SIZE / 4;
const ROW_DOUBLES = ROW_SIZE / 8;
/** Where a stored row has its times, in place of labels and helper. */
const START_AT = LABELS / 8;
const END_AT = START_AT + 1;
const NO_RULE = new Uint32Array(RULE_WORDS);

/** natType (IE 297). */
const NAT44 = 1;
const NAT66 = 5;

/** Conntrack sets it for both directions when it picks a connection up in the middle (nf_conntrack_proto_tcp.c). */
const IP_CT_TCP_FLAG_BE_LIBERAL = 0x08;

/** biflowDirection (IE 239). */
const ARBITRARY = 0;
const INITIATOR = 1;
const REVERSE_INITIATOR = 2;

/** What a record has beside its row, for one record after another: a field stands at its offset less ROW_SIZE. */
export class FlowFacts {
  readonly words = new Uint32Array(FACTS_SIZE / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
  readonly #columns: FlowColumns;
  readonly #rows: Uint32Array;
  readonly #times: Float64Array;
  readonly #exported: Uint32Array;

  /** @param exported as of FlowEncoderOptions */
  constructor(columns: FlowColumns, exported: Uint8Array) {
    const { rows } = columns;
    this.#columns = columns;
    this.#rows = new Uint32Array(rows.buffer, rows.byteOffset, rows.length / 4);
    this.#times = new Float64Array(rows.buffer, rows.byteOffset, rows.length / 8);
    this.#exported = new Uint32Array(exported.buffer, exported.byteOffset, exported.length / 4);
  }

  /** Whether it lasts longer than flowDurationMilliseconds (IE 161, 32 bits) can say: above 49 days. */
  isLong(slot: number): boolean {
    const at = slot * ROW_DOUBLES;
    return this.#times[at + END_AT] - this.#times[at + START_AT] > U32_MAX;
  }

  read(slot: number, reason: number): void {
    const { words, bytes } = this;
    const { rows: rowBytes, flags, extras } = this.#columns;
    const rows = this.#rows;
    const row = slot * ROW_WORDS;
    const present = rows[row + PRESENT_WORD];
    const start = this.#times[slot * ROW_DOUBLES + START_AT];
    writeNumber(words, FLOW_START_MS_WORD - ROW_WORDS, start);
    writeNumber(words, FLOW_END_MS_WORD - ROW_WORDS, this.#times[slot * ROW_DOUBLES + END_AT]);
    words[FLOW_DURATION_MS_WORD - ROW_WORDS] =
      words[FLOW_END_MS_WORD - ROW_WORDS] - words[FLOW_START_MS_WORD - ROW_WORDS];
    this.#writeDeltas(row + ORIG_PACKETS_WORD, slot * EXPORTED_WORDS + EXPORTED_COUNTERS / 4);
    writeFlowId(rows, row, start, words, FLOW_ID_WORD - ROW_WORDS);
    bytes[END_REASON - ROW_SIZE] = reason;
    bytes[BIFLOW_DIRECTION - ROW_SIZE] = biflowDirection(present, rowBytes, row * 4);
    bytes[NAT_TYPE - ROW_SIZE] = rowBytes[row * 4 + FAMILY] === AF_INET6 ? NAT66 : NAT44;
    const fromHost = flags[slot] & FROM_HOST ? 1 : 0;
    bytes[FLOW_DIRECTION - ROW_SIZE] = fromHost;
    bytes[REVERSE_FLOW_DIRECTION - ROW_SIZE] = 1 - fromHost;
    const { names, types, states, rules, ruleFacts, interfaces, owners, ownerFacts, addressFacts, podFacts } = extras;
    if (states) words[TCP_STATE_HISTORY_WORD - ROW_WORDS] = statesBefore(states[slot], rowBytes[row * 4 + STATE]);
    if (names && types) {
      const to = SOURCE_POD_NAME_WORD - ROW_WORDS;
      for (let name = 0; name < FLOW_NAMES; name++) words[to + name] = names[slot * FLOW_NAMES + name];
      bytes[FLOW_TYPE - ROW_SIZE] = types[slot];
    }
    if (interfaces) {
      words[INGRESS_INTERFACE_WORD - ROW_WORDS] = interfaces[slot * FLOW_INTERFACES];
      words[EGRESS_INTERFACE_WORD - ROW_WORDS] = interfaces[slot * FLOW_INTERFACES + 1];
    }
    if (owners && ownerFacts) this.#writeOwners(owners, ownerFacts, slot * FLOW_OWNERS);
    if (addressFacts) {
      const to = SOURCE_AS_NUMBER_WORD - ROW_WORDS;
      for (let fact = 0; fact < ADDRESS_FACTS; fact++) words[to + fact] = addressFacts[slot * ADDRESS_FACTS + fact];
    }
    if (podFacts) {
      const to = SOURCE_WORKLOAD_WORD - ROW_WORDS;
      for (let fact = 0; fact < POD_FACTS; fact++) words[to + fact] = podFacts[slot * POD_FACTS + fact];
    }
    if (rules && ruleFacts) this.#writeRule(ruleFacts, rules[slot]);
  }

  /** The deltas of the four counters against those last exported, modulo 2^64. */
  #writeDeltas(from: number, before: number): void {
    const rows = this.#rows;
    const exported = this.#exported;
    const { words } = this;
    const to = ORIG_PACKET_DELTA_WORD - ROW_WORDS;
    for (let word = 0; word < COUNTER_WORDS; word += 2) {
      const low = rows[from + word];
      const lowBefore = exported[before + word];
      words[to + word] = low - lowBefore;
      words[to + word + 1] = rows[from + word + 1] - exported[before + word + 1] - (low < lowBefore ? 1 : 0);
    }
  }

  #writeOwners(owners: Uint32Array, facts: Uint32Array, from: number): void {
    const { words } = this;
    const to = SOURCE_USER_NAME_WORD - ROW_WORDS;
    for (let side = 0; side < FLOW_OWNERS; side++)
      for (let word = 0; word < OWNER_WORDS; word++)
        words[to + side * OWNER_WORDS + word] = nameOf(facts, owners[from + side], word);
    words[USER_NAME_WORD - ROW_WORDS] = nameOf(facts, owners[from] || owners[from + 1], 0);
  }

  #writeRule(facts: Uint32Array, rule: number): void {
    const { words, bytes } = this;
    const known = rule !== 0 && (rule + 1) * RULE_WORDS <= facts.length;
    const from = known ? rule * RULE_WORDS : 0;
    const source = known ? facts : NO_RULE;
    const ingress = (source[from] & 0x1_0000) !== 0;
    const action = (source[from] >>> 8) & 0xff;
    bytes[FORWARDING_STATUS - ROW_SIZE] = source[from];
    bytes[INGRESS_RULE_ACTION - ROW_SIZE] = ingress ? action : 0;
    bytes[EGRESS_RULE_ACTION - ROW_SIZE] = ingress ? 0 : action;
    for (let word = 1; word < RULE_WORDS; word++) {
      words[INGRESS_POLICY_NAME_WORD - ROW_WORDS + word - 1] = ingress ? source[from + word] : 0;
      words[EGRESS_POLICY_NAME_WORD - ROW_WORDS + word - 1] = ingress ? 0 : source[from + word];
    }
  }
}

/** A name of an owner, 0 where there is none of this number. */
function nameOf(facts: Uint32Array, owner: number, word: number): number {
  return owner !== 0 && (owner + 1) * OWNER_WORDS <= facts.length ? facts[owner * OWNER_WORDS + word] : 0;
}

/**
 * biflowDirection (IE 239): the original direction is the initiator's, unless TCP was picked up in the middle, or may have been. Of a denied packet, SYN
 * tells who begins.
 */
export function biflowDirection(present: number, bytes: Uint8Array, row: number): number {
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
