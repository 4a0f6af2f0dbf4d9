import { LONGEST_NAME } from '../row/layout.generated.js';

const FIRST_NAMES = 64;
const FIRST_BYTES = 4096;
/** Beyond them a name is left out. */
const LIMITS: NameLimits = { names: 1 << 20, bytes: 64 << 20 };

const utf8 = new TextEncoder();

/** Number of the empty name: nothing is known. */
export const NO_NAME = 0;

/** Who keeps numbers of names. */
export interface NameHolder {
  /** Takes `change(number)` in place of every number that it keeps, and may be asked to twice in a row. */
  renumber(change: (number: number) => number): void;
}

export interface NameLimits {
  readonly names: number;
  readonly bytes: number;
}

/**
 * Names by number, so that a record of fixed size can hold them: pods, services, rules. An encoder gets `bytes` and `ends` and
 * writes the name where a record has its number.
 *
 * Names come and go with pods and rules: when the table is half full, {@link tidy} drops those that nobody keeps any more.
 */
export class NameTable {
  /** UTF-8, one name after another. */
  bytes = new Uint8Array(FIRST_BYTES);
  /** Where each name ends; it begins where the one before ends. */
  ends = new Uint32Array(FIRST_NAMES);
  /** Names that found no room. */
  overflow = 0;
  readonly #limits: NameLimits;
  readonly #holders: NameHolder[] = [];
  readonly #numbers = new Map<string, number>([['', NO_NAME]]);
  #count = 1;
  /** Names and bytes at which the table is tidied next. */
  #crowded: NameLimits;

  constructor(limits: NameLimits = LIMITS) {
    this.#limits = limits;
    this.#crowded = half(limits, { names: 0, bytes: 0 });
  }

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
    if (this.#count >= this.#limits.names || start + text.length > this.#limits.bytes) {
      this.overflow++;
      return NO_NAME;
    }
    this.#makeRoom(start + text.length);
    this.bytes.set(text, start);
    this.ends[this.#count] = start + text.length;
    this.#numbers.set(name, this.#count);
    return this.#count++;
  }

  hold(holder: NameHolder): void {
    this.#holders.push(holder);
  }

  /**
   * Drops the names that nobody keeps, when the table has become crowded; the others get new numbers. Not to be called between
   * asking for a number and keeping it.
   */
  tidy(): void {
    if (this.#count < this.#crowded.names && this.ends[this.#count - 1] < this.#crowded.bytes) return;
    const kept = new Uint8Array(this.#count);
    const each = (change: (number: number) => number): void => {
      for (const holder of this.#holders) holder.renumber(change);
    };
    each(number => {
      kept[number] = 1;
      return number;
    });
    const after = this.#drop(kept);
    each(number => after[number]);
    this.#crowded = half(this.#limits, { names: this.#count, bytes: this.ends[this.#count - 1] });
  }

  /**
   * @param kept 1 by number
   * @returns the new number of each kept name
   */
  #drop(kept: Uint8Array): Uint32Array {
    const after = new Uint32Array(kept.length);
    let count = 1;
    let end = 0;
    let start = 0;
    for (let number = 1; number < kept.length; number++) {
      const next = this.ends[number];
      if (kept[number] === 1) {
        // names only move down, over what has been read
        this.bytes.copyWithin(end, start, next);
        end += next - start;
        this.ends[count] = end;
        after[number] = count++;
      }
      start = next;
    }
    for (const [name, number] of this.#numbers) {
      if (number !== NO_NAME && kept[number] === 0) this.#numbers.delete(name);
      else this.#numbers.set(name, after[number]);
    }
    this.#count = count;
    return after;
  }

  #makeRoom(bytes: number): void {
    if (bytes > this.bytes.length)
      this.bytes = grown(this.bytes, new Uint8Array(Math.max(bytes, this.bytes.length * 2)));
    if (this.#count === this.ends.length) this.ends = grown(this.ends, new Uint32Array(this.ends.length * 2));
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
