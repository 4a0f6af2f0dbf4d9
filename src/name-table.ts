import { LONGEST_NAME } from './layout.generated.js';

const FIRST_NAMES = 64;
const FIRST_BYTES = 4096;
/** Names and bytes at most; beyond them a name is left out. */
const MOST_NAMES = 1 << 20;
const MOST_BYTES = 64 << 20;

const utf8 = new TextEncoder();

/** Number of the empty name: nothing is known. */
export const NO_NAME = 0;

/**
 * Names by number, so that a record of fixed size can hold them: pods, services, rules. An encoder gets `bytes` and `ends` and
 * writes the name where a record has its number.
 */
export class NameTable {
  /** UTF-8, one name after another. */
  bytes = new Uint8Array(FIRST_BYTES);
  /** Where each name ends; it begins where the one before ends. */
  ends = new Uint32Array(FIRST_NAMES);
  /** Names that found no room. */
  leftOut = 0;
  readonly #numbers = new Map<string, number>([['', NO_NAME]]);
  #count = 1;

  get count(): number {
    return this.#count;
  }

  /**
   * The number of a name. What is longer than LONGEST_NAME bytes is cut at a character (RFC 7011 section 6.1.6).
   * @returns NO_NAME for the empty one, and where the table is full
   */
  intern(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const text = cut(utf8.encode(name));
    const start = this.ends[this.#count - 1];
    if (this.#count === MOST_NAMES || start + text.length > MOST_BYTES) {
      this.leftOut++;
      return NO_NAME;
    }
    this.#makeRoom(start + text.length);
    this.bytes.set(text, start);
    this.ends[this.#count] = start + text.length;
    this.#numbers.set(name, this.#count);
    return this.#count++;
  }

  #makeRoom(bytes: number): void {
    if (bytes > this.bytes.length)
      this.bytes = grown(this.bytes, new Uint8Array(Math.max(bytes, this.bytes.length * 2)));
    if (this.#count === this.ends.length) this.ends = grown(this.ends, new Uint32Array(this.ends.length * 2));
  }
}

function grown<T extends Uint8Array | Uint32Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}

/** UTF-8 cut before a character that does not fit whole: its later bytes begin with the bits 10. */
function cut(text: Uint8Array): Uint8Array {
  if (text.length <= LONGEST_NAME) return text;
  let end = LONGEST_NAME;
  while ((text[end] & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}
