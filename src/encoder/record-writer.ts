import { HOST_LITTLE_ENDIAN, NTP_EPOCH } from '../common/u64.js';
import { TWO_32 } from '../common/unsigned.js';
import { HAS_TCP_STATE, LONGEST_NAME, PRESENT, TCP_STATES } from '../row/layout.generated.js';
import type { FlowFacts } from './flow-facts.js';
import type { Names } from './request.js';
import {
  TEXT_HELPER,
  TEXT_NAME,
  TEXT_NONE,
  TEXT_TCP_HISTORY,
  TEXT_TCP_STATE,
  type Moves,
  type Run,
  type Steps,
} from './steps.js';

const NOTHING = new Uint8Array(0);
const HELPER_SIZE = 16;
const COMMA = 0x2c;
const STATE_NAMES = TCP_STATES.map(name => new TextEncoder().encode(name));

/** Writes the data records of one slot after another. */
export class RecordWriter {
  readonly #facts: FlowFacts;
  readonly #factsView: DataView;
  readonly #helpers: Uint8Array;
  /** Names by number. */
  names: Names = { bytes: NOTHING, ends: new Uint32Array(0) };
  /** The row of the record: rows, and where in them it begins. */
  row: DataView;
  at = 0;
  slot = 0;

  constructor(facts: FlowFacts, helpers: Uint8Array, row: DataView) {
    this.#facts = facts;
    this.#factsView = new DataView(facts.words.buffer);
    this.#helpers = helpers;
    this.row = row;
  }

  /** Bytes that {@link write} writes. */
  measure({ runs, shortest }: Steps): number {
    let length = shortest;
    for (const run of runs) if (run.text !== TEXT_NONE) length += this.#textLength(run);
    return length;
  }

  /** Writes the record to `at`; the caller has made room. @returns where it ends */
  write({ runs }: Steps, out: Uint8Array, view: DataView, at: number): number {
    for (const run of runs) {
      const { literals } = run;
      for (let i = 0; i < literals.length; i += 2) out[at + literals[i]] = literals[i + 1];
      move(run.fromRow, this.row, this.at, view, at);
      move(run.fromFacts, this.#factsView, 0, view, at);
      at += run.length;
      if (run.text !== TEXT_NONE) at = this.#writeText(run, out, at);
    }
    return at;
  }

  #textLength({ text, textAt, textSize }: Run): number {
    if (text === TEXT_NAME) return this.#nameLength(this.#factsView.getUint32(textAt, HOST_LITTLE_ENDIAN));
    if (text === TEXT_TCP_STATE) return this.#stateName(textAt).length;
    if (text === TEXT_HELPER) return this.#helperLength(textAt, textSize);
    return this.#writeHistory(textAt, NOTHING, 0);
  }

  #writeText({ text, textAt, textSize }: Run, out: Uint8Array, at: number): number {
    if (text === TEXT_TCP_HISTORY) {
      out[at] = this.#writeHistory(textAt, out, at + 1);
      return at + 1 + out[at];
    }
    let from: Uint8Array = NOTHING;
    let begin = 0;
    let length: number;
    if (text === TEXT_NAME) {
      const number = this.#factsView.getUint32(textAt, HOST_LITTLE_ENDIAN);
      length = this.#nameLength(number);
      from = this.names.bytes;
      if (length > 0) begin = this.names.ends[number] - length;
    } else if (text === TEXT_TCP_STATE) {
      from = this.#stateName(textAt);
      length = from.length;
    } else {
      length = this.#helperLength(textAt, textSize);
      from = this.#helpers;
      begin = this.slot * HELPER_SIZE + textAt;
    }
    out[at++] = length;
    for (let i = 0; i < length; i++) out[at + i] = from[begin + i];
    return at + length;
  }

  #helperLength(at: number, size: number): number {
    const from = this.slot * HELPER_SIZE + at;
    let length = 0;
    while (length < size && this.#helpers[from + length] !== 0) length++;
    return length;
  }

  /** 0 where the table has no name of this number, or is wrong about it. */
  #nameLength(number: number): number {
    const { bytes, ends } = this.names;
    if (number >= ends.length) return 0;
    const end = ends[number];
    const length = end - (number === 0 ? 0 : ends[number - 1]);
    return length >= 0 && length <= LONGEST_NAME && end <= bytes.length ? length : 0;
  }

  /** The packed states as text at `at`, which may be nowhere; returns its length. */
  #writeHistory(source: number, out: Uint8Array, at: number): number {
    let length = 0;
    let packed = this.#factsView.getUint32(source, HOST_LITTLE_ENDIAN);
    for (let state = packed & 15; state > 0 && state < STATE_NAMES.length; state = packed & 15) {
      const name = STATE_NAMES[state];
      if (length > 0) out[at + length++] = COMMA;
      for (let i = 0; i < name.length; i++) out[at + length + i] = name[i];
      length += name.length;
      packed >>>= 4;
    }
    return length;
  }

  #stateName(offset: number): Uint8Array {
    const present = this.row.getUint32(this.at + PRESENT, HOST_LITTLE_ENDIAN);
    return (present & HAS_TCP_STATE) === 0 ? NOTHING : (STATE_NAMES[this.row.getUint8(this.at + offset)] ?? NOTHING);
  }

  /** Packets or octets of the record, from the words of its deltas. */
  sum(deltas: readonly number[]): number {
    const { words } = this.#facts;
    let sum = 0;
    for (const word of deltas) sum += words[word + 1] * TWO_32 + words[word];
    return sum;
  }
}

function move(moves: Moves, from: DataView, base: number, out: DataView, at: number): void {
  const { words, bytes, u16s, u32s, u64s, seconds, ntps } = moves;
  for (let i = 0; i < u64s.length; i += 2) {
    const source = base + u64s[i];
    const to = at + u64s[i + 1];
    out.setUint32(to, from.getUint32(source + 4, HOST_LITTLE_ENDIAN));
    out.setUint32(to + 4, from.getUint32(source, HOST_LITTLE_ENDIAN));
  }
  for (let i = 0; i < words.length; i += 2) out.setInt32(at + words[i + 1], from.getInt32(base + words[i]));
  for (let i = 0; i < u16s.length; i += 2)
    out.setUint16(at + u16s[i + 1], from.getUint16(base + u16s[i], HOST_LITTLE_ENDIAN));
  for (let i = 0; i < bytes.length; i += 2) out.setUint8(at + bytes[i + 1], from.getUint8(base + bytes[i]));
  for (let i = 0; i < u32s.length; i += 2)
    out.setUint32(at + u32s[i + 1], from.getUint32(base + u32s[i], HOST_LITTLE_ENDIAN));
  for (let i = 0; i < seconds.length; i += 2) {
    // exact, as the remainder of the high word is under 1000
    const low = from.getUint32(base + seconds[i], HOST_LITTLE_ENDIAN);
    const high = from.getUint32(base + seconds[i] + 4, HOST_LITTLE_ENDIAN);
    out.setUint32(at + seconds[i + 1], Math.floor(((high % 1000) * TWO_32 + low) / 1000));
  }
  for (let i = 0; i < ntps.length; i += 3) {
    const rest = (from.getUint32(base + ntps[i] + 4, HOST_LITTLE_ENDIAN) % 1000) * TWO_32;
    const milliseconds = rest + from.getUint32(base + ntps[i], HOST_LITTLE_ENDIAN);
    const whole = Math.floor(milliseconds / 1000);
    // rounded up, so that the milliseconds come back where a reader cuts off
    const fraction = Math.ceil(((milliseconds - whole * 1000) * TWO_32) / 1000);
    const cut = ntps[i + 2];
    out.setUint32(at + ntps[i + 1], whole + NTP_EPOCH);
    out.setUint32(at + ntps[i + 1] + 4, (fraction + cut) & ~cut);
  }
}
