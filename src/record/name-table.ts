import { LONGEST_NAME } from '../row/layout.generated.js';

const FIRST_NAMES = 64;
const FIRST_BYTES = 4096;
export const NAME_LIMITS: NameLimits = { names: 1 << 20, bytes: 64 << 20 };

const utf8 = new TextEncoder();
const decoder = new TextDecoder();

/** Number of the empty name: nothing is known. */
export const NO_NAME = 0;

export interface NameHolder {
  /** Calls `keep` with the number of each name that it holds. */
  eachName(keep: (number: number) => void): void;
}

export interface NameLimits {
  readonly names: number;
  readonly bytes: number;
}

/**
 * Names by number, so that columns of fixed width can hold them: pods, services, rules. An encoder gets `bytes` and `ends`, and
 * writes the name of a flow's number. A number is given to another name only after {@link tidy}, when nobody holds
 * it: names come and go with pods and rules.
 */
export class NameTable {
  /** UTF-8. The name `n` ends at ends[n] and begins at ends[n - 1], which is no number. */
  bytes = new Uint8Array(FIRST_BYTES);
  ends = new Uint32Array(FIRST_NAMES * 2);
  /** Names without room. */
  overflow = 0;
  readonly #limits: NameLimits;
  readonly #holders: NameHolder[] = [];
  /** In the order of their bytes. */
  readonly #numbers = new Map<string, number>([['', NO_NAME]]);
  readonly #free: number[] = [];
  #used = 0;
  /** Names and bytes at which the table is tidied next. */
  #crowded: NameLimits;

  constructor(limits: NameLimits = NAME_LIMITS) {
    this.#limits = limits;
    this.#crowded = half(limits, { names: 0, bytes: 0 });
  }

  get count(): number {
    return this.#numbers.size;
  }

  /**
   * The number of a name. What is longer than LONGEST_NAME bytes is cut at a character (RFC 7011 section 6.1.6).
   * @returns NO_NAME for the empty one, and where the table is full
   */
  intern(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const text = cut(utf8.encode(name));
    const end = this.#used + text.length;
    if (this.count >= this.#limits.names || end > this.#limits.bytes) {
      this.overflow++;
      return NO_NAME;
    }
    const number = this.#free.pop() ?? this.count * 2;
    if (end > this.bytes.length) this.bytes = grown(this.bytes, new Uint8Array(Math.max(end, this.bytes.length * 2)));
    if (number >= this.ends.length) this.ends = grown(this.ends, new Uint32Array(this.ends.length * 2));
    this.bytes.set(text, this.#used);
    this.ends[number - 1] = this.#used;
    this.ends[number] = this.#used = end;
    this.#numbers.set(name, number);
    return number;
  }

  /** The name of a number; empty for NO_NAME. */
  text(number: number): string {
    if (number === NO_NAME) return '';
    return decoder.decode(this.bytes.subarray(this.ends[number - 1], this.ends[number]));
  }

  hold(holder: NameHolder): void {
    this.#holders.push(holder);
  }

  /** Drops the names that nobody holds, when the table is crowded. Not to be called between {@link intern} and holding its number. */
  tidy(): void {
    if (this.count < this.#crowded.names && this.#used < this.#crowded.bytes) return;
    const kept = new Uint8Array(this.ends.length);
    for (const holder of this.#holders) holder.eachName(number => (kept[number] = 1));
    this.#used = 0;
    for (const [name, number] of this.#numbers) {
      if (number === NO_NAME) continue;
      if (kept[number] === 0) {
        this.#numbers.delete(name);
        this.#free.push(number);
        continue;
      }
      // names only move down, over what has been moved
      const start = this.ends[number - 1];
      const end = this.ends[number];
      this.bytes.copyWithin(this.#used, start, end);
      this.ends[number - 1] = this.#used;
      this.ends[number] = this.#used += end - start;
    }
    this.#crowded = half(this.#limits, { names: this.count, bytes: this.#used });
  }
}

/** Half of the room that is left. */
function half(limits: NameLimits, used: NameLimits): NameLimits {
  return { names: (limits.names + used.names) / 2, bytes: (limits.bytes + used.bytes) / 2 };
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
