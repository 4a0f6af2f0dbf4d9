import { CtflowError } from '../common/errors.js';
import {
  DETAIL_WORDS,
  FIRST_DETAIL,
  MOST_DETAILS,
  RULE_EGRESS,
  RULE_NAME,
  TEST_ADDRESS,
  TEST_NAMES,
  TEST_OWNER,
  TEST_POD,
  TEST_PORTS_OF,
  TEST_PRESENT,
  TEST_STATUS,
  TEST_TYPE,
  TEST_WORD,
} from '../ipfix/details.js';
import { HAS_PORTS, PRESENT_WORD, PROTOCOL, ROW_SIZE, ROW_WORDS, STATUS_WORD } from '../row/layout.generated.js';
import { ADDRESS_FACTS, FLOW_NAMES, FLOW_OWNERS, POD_FACTS, RULE_WORDS, type FlowColumns } from './columns.js';

/** Which details the flows of a store have: see Detail. */
export class FlowDetails {
  readonly #details: Uint32Array;
  readonly #columns: FlowColumns;
  readonly #rows: Uint32Array;

  /** @param details DETAIL_WORDS words each @throws CtflowError CTFLOW_USAGE where they are none */
  constructor(details: Uint32Array, columns: FlowColumns) {
    const { rows } = columns;
    const isWrong = (word: number, i: number): boolean =>
      i % DETAIL_WORDS === 0
        ? word > TEST_POD
        : details[i - 1] === TEST_WORD && (word > ROW_SIZE - 4 || word % 4 !== 0);
    if (details.length % DETAIL_WORDS !== 0 || details.length > MOST_DETAILS * DETAIL_WORDS || details.some(isWrong))
      throw new CtflowError(
        'CTFLOW_USAGE',
        `Cannot encode details ${details.join()}`,
        'Check the arguments of the call',
      );
    this.#details = details;
    this.#columns = columns;
    this.#rows = new Uint32Array(rows.buffer, rows.byteOffset, rows.length / 4);
  }

  /** Bits of a kind. */
  of(slot: number): number {
    const details = this.#details;
    let bits = 0;
    for (let i = 0; i < details.length; i += DETAIL_WORDS)
      if (this.#has(details[i], details[i + 1], slot)) bits |= 1 << (FIRST_DETAIL + (i >> 1));
    return bits;
  }

  #has(test: number, argument: number, slot: number): boolean {
    const { types, addressFacts, podFacts } = this.#columns.extras;
    const rows = this.#rows;
    const row = slot * ROW_WORDS;
    if (test === TEST_PRESENT) return (rows[row + PRESENT_WORD] & argument) !== 0;
    if (test === TEST_STATUS) return (rows[row + STATUS_WORD] & argument) !== 0;
    if (test === TEST_PORTS_OF) {
      const isOne = this.#columns.rows[slot * ROW_SIZE + PROTOCOL] === argument;
      return isOne && (rows[row + PRESENT_WORD] & HAS_PORTS) !== 0;
    }
    if (test === TEST_NAMES) return this.#hasNames(argument, slot);
    if (test === TEST_WORD) return rows[row + argument / 4] !== 0;
    if (test === TEST_TYPE) return types !== undefined && types[slot] !== 0;
    if (test === TEST_OWNER) return this.#hasOwner(argument, slot);
    if (test === TEST_ADDRESS)
      return (
        addressFacts !== undefined && argument < ADDRESS_FACTS && addressFacts[slot * ADDRESS_FACTS + argument] !== 0
      );
    if (test === TEST_POD)
      return podFacts !== undefined && argument < POD_FACTS && podFacts[slot * POD_FACTS + argument] !== 0;
    return this.#isDenied(argument, slot);
  }

  #hasNames(wanted: number, slot: number): boolean {
    const { names } = this.#columns.extras;
    if (!names) return false;
    for (let name = 0; name < FLOW_NAMES; name++)
      if (wanted & (1 << name) && names[slot * FLOW_NAMES + name] === 0) return false;
    return true;
  }

  #hasOwner(sides: number, slot: number): boolean {
    const { owners } = this.#columns.extras;
    if (!owners) return false;
    for (let side = 0; side < FLOW_OWNERS; side++)
      if (sides & (1 << side) && owners[slot * FLOW_OWNERS + side] !== 0) return true;
    return false;
  }

  #isDenied(wanted: number, slot: number): boolean {
    const { rules, ruleFacts } = this.#columns.extras;
    const rule = rules ? rules[slot] : 0;
    if (!ruleFacts || rule === 0 || (rule + 1) * RULE_WORDS > ruleFacts.length) return false;
    const at = rule * RULE_WORDS;
    const isEgress = (ruleFacts[at] & 0x1_0000) === 0;
    if (isEgress !== ((wanted & RULE_EGRESS) !== 0)) return false;
    for (let word = 1; word < RULE_WORDS; word++)
      if (wanted & (RULE_NAME << (word - 1)) && ruleFacts[at + word] === 0) return false;
    return true;
  }
}
