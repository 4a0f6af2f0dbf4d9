import type { EncodeRequest } from './request.js';
import { HOST_LITTLE_ENDIAN } from '../common/u64.js';
import { HAS_TCP_STATE, LONGEST_NAME, PRESENT, TCP_STATES } from '../row/layout.generated.js';
import {
  STEP_BYTES,
  STEP_LITERAL,
  STEP_NAME,
  STEP_SECONDS,
  STEP_TCP_HISTORY,
  STEP_TCP_STATE,
  STEP_TEXT,
  STEP_U16,
  STEP_U32,
  STEP_U64,
  STEP_U8,
  STEP_WORDS,
  type Steps,
} from './steps.js';
import { TWO_32 } from '../common/unsigned.js';

const NOTHING = new Uint8Array(0);
const COMMA = 0x2c;
const STATE_NAMES = TCP_STATES.map(name => new TextEncoder().encode(name));

/** Writes one flow record after another as a data record of one template. */
export class RecordWriter {
  readonly #steps: Steps;
  readonly #from: Uint8Array;
  readonly #fromView: DataView;
  readonly #out: Uint8Array;
  readonly #outView: DataView;
  readonly #names: Uint8Array;
  readonly #nameEnds: Uint32Array;

  /** @param request where records, names and their ends come from, and where the bytes go */
  constructor(steps: Steps, request: Pick<EncodeRequest, 'records' | 'names' | 'nameEnds' | 'out'>) {
    const { records, out } = request;
    this.#steps = steps;
    this.#names = request.names;
    this.#nameEnds = request.nameEnds;
    this.#from = records;
    this.#fromView = new DataView(records.buffer, records.byteOffset, records.byteLength);
    this.#out = out;
    this.#outView = new DataView(out.buffer, out.byteOffset, out.byteLength);
  }

  /** Bytes that {@link write} writes for the record at `record`. */
  measure(record: number): number {
    const { texts, shortest } = this.#steps;
    let length = shortest;
    for (let step = 0; step < texts.length; step += STEP_WORDS) {
      if (texts[step] === STEP_TEXT) length += this.#textLength(record + texts[step + 1], texts[step + 2]);
      else if (texts[step] === STEP_NAME) length += this.#nameLength(record + texts[step + 1]);
      else if (texts[step] === STEP_TCP_STATE) length += this.#stateName(record, texts[step + 1]).length;
      else length += this.#writeHistory(record + texts[step + 1], NOTHING, 0);
    }
    return length;
  }

  /** Writes the record at `record` to `at`; the caller has made room. Returns where it ends. */
  write(record: number, at: number): number {
    const { all, literals } = this.#steps;
    const from = this.#from;
    const fromView = this.#fromView;
    const out = this.#out;
    const outView = this.#outView;
    for (let step = 0; step < all.length; step += STEP_WORDS) {
      const offset = all[step + 1];
      const source = record + offset;
      const length = all[step + 2];
      switch (all[step]) {
        case STEP_LITERAL:
          for (let i = 0; i < length; i++) out[at + i] = literals[offset + i];
          at += length;
          break;
        case STEP_BYTES:
          for (let i = 0; i < length; i++) out[at + i] = from[source + i];
          at += length;
          break;
        case STEP_U8:
          out[at++] = from[source];
          break;
        case STEP_U16:
          outView.setUint16(at, fromView.getUint16(source, HOST_LITTLE_ENDIAN));
          at += 2;
          break;
        case STEP_U32:
          outView.setUint32(at, fromView.getUint32(source, HOST_LITTLE_ENDIAN));
          at += 4;
          break;
        case STEP_U64:
          outView.setUint32(at, fromView.getUint32(source + 4, HOST_LITTLE_ENDIAN));
          outView.setUint32(at + 4, fromView.getUint32(source, HOST_LITTLE_ENDIAN));
          at += 8;
          break;
        case STEP_SECONDS:
          outView.setUint32(at, this.#seconds(source));
          at += 4;
          break;
        case STEP_TEXT: {
          const size = this.#textLength(source, length);
          out[at++] = size;
          for (let i = 0; i < size; i++) out[at + i] = from[source + i];
          at += size;
          break;
        }
        case STEP_NAME: {
          const size = this.#nameLength(source);
          const name = this.#nameEnds[fromView.getUint32(source, HOST_LITTLE_ENDIAN)] - size;
          out[at++] = size;
          for (let i = 0; i < size; i++) out[at + i] = this.#names[name + i];
          at += size;
          break;
        }
        case STEP_TCP_HISTORY:
          out[at] = this.#writeHistory(source, out, at + 1);
          at += 1 + out[at];
          break;
        case STEP_TCP_STATE: {
          const name = this.#stateName(record, offset);
          out[at++] = name.length;
          for (let i = 0; i < name.length; i++) out[at + i] = name[i];
          at += name.length;
          break;
        }
      }
    }
    return at;
  }

  /** The low word of the 64-bit milliseconds divided by 1000: exact, as the remainder of the high word is under 1000. */
  #seconds(source: number): number {
    const low = this.#fromView.getUint32(source, HOST_LITTLE_ENDIAN);
    const high = this.#fromView.getUint32(source + 4, HOST_LITTLE_ENDIAN);
    return Math.floor(((high % 1000) * TWO_32 + low) / 1000);
  }

  #textLength(source: number, field: number): number {
    let length = 0;
    while (length < field && this.#from[source + length] !== 0) length++;
    return length;
  }

  /** Of the name whose number stands at `source`; 0 where the table has none, or is wrong about it. */
  #nameLength(source: number): number {
    const number = this.#fromView.getUint32(source, HOST_LITTLE_ENDIAN);
    if (number >= this.#nameEnds.length) return 0;
    const end = this.#nameEnds[number];
    const length = end - (number === 0 ? 0 : this.#nameEnds[number - 1]);
    return length >= 0 && length <= LONGEST_NAME && end <= this.#names.length ? length : 0;
  }

  /** The packed states as text at `at`, which may be nowhere; returns its length. */
  #writeHistory(source: number, out: Uint8Array, at: number): number {
    let length = 0;
    let packed = this.#fromView.getUint32(source, HOST_LITTLE_ENDIAN);
    for (let state = packed & 15; state > 0 && state < STATE_NAMES.length; state = packed & 15) {
      const name = STATE_NAMES[state];
      if (length > 0) out[at + length++] = COMMA;
      for (let i = 0; i < name.length; i++) out[at + length + i] = name[i];
      length += name.length;
      packed >>>= 4;
    }
    return length;
  }

  #stateName(record: number, offset: number): Uint8Array {
    const present = this.#fromView.getUint32(record + PRESENT, HOST_LITTLE_ENDIAN);
    return (present & HAS_TCP_STATE) === 0 ? NOTHING : (STATE_NAMES[this.#from[record + offset]] ?? NOTHING);
  }
}
