import { HOST_LITTLE_ENDIAN } from '../host-order.js';
import { HAS_TCP_STATE, PRESENT, TCP_STATES } from '../layout.generated.js';
import {
  STEP_BYTES,
  STEP_LITERAL,
  STEP_SECONDS,
  STEP_TCP_STATE,
  STEP_TEXT,
  STEP_U16,
  STEP_U32,
  STEP_U64,
  STEP_U8,
  STEP_WORDS,
  type Steps,
} from './steps.js';

const NO_STATE = new Uint8Array(0);
const STATE_NAMES = TCP_STATES.map(name => new TextEncoder().encode(name));

/** Writes one flow record after another as a data record of one template. */
export class RecordWriter {
  readonly #steps: Steps;
  readonly #from: Uint8Array;
  readonly #fromView: DataView;
  readonly #out: Uint8Array;
  readonly #outView: DataView;

  constructor(steps: Steps, records: Uint8Array, out: Uint8Array) {
    this.#steps = steps;
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
      else length += this.#stateName(record, texts[step + 1]).length;
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
    return Math.floor(((high % 1000) * 2 ** 32 + low) / 1000);
  }

  #textLength(source: number, field: number): number {
    let length = 0;
    while (length < field && this.#from[source + length] !== 0) length++;
    return length;
  }

  #stateName(record: number, offset: number): Uint8Array {
    const present = this.#fromView.getUint32(record + PRESENT, HOST_LITTLE_ENDIAN);
    return (present & HAS_TCP_STATE) === 0 ? NO_STATE : (STATE_NAMES[this.#from[record + offset]] ?? NO_STATE);
  }
}
