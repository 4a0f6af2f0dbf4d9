import { OWNER_WORDS } from '../../encoder/columns.js';
import { NO_NAME, type NameHolder, type NameTable } from '../../record/name-table.js';
import type { SocketOwner } from '../../sources/source.js';

/** Of nobody. */
export const NO_OWNER = 0;
/** Owners at most. */
export const MOST_OWNERS = 65_535;

/** Owners by number, so that columns of fixed width can hold them. A number goes to another owner when no flow has it. */
export class OwnerTable implements NameHolder {
  /** OWNER_WORDS names each; memory that stays where it is. */
  readonly facts: Uint32Array;
  /** Owners without room. */
  overflow = 0;
  readonly #most: number;
  readonly #names: NameTable;
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 1;

  constructor(names: NameTable, most = MOST_OWNERS) {
    this.#most = most;
    this.#names = names;
    this.facts = new Uint32Array((most + 1) * OWNER_WORDS);
    names.hold(this);
  }

  get count(): number {
    return this.#numbers.size;
  }

  /**
   * The number of an owner.
   * @param describe its names, in the order of its facts
   * @param inUse calls `keep` with each number that a flow has
   * @returns NO_OWNER where the table is full
   */
  number(
    owner: SocketOwner,
    describe: (number: number) => readonly string[],
    inUse: (keep: (number: number) => void) => void,
  ): number {
    const key = keyOf(owner);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#free.length === 0 && this.#next > this.#most) this.#tidy(inUse);
    const number = this.#free.pop() ?? (this.#next <= this.#most ? this.#next++ : NO_OWNER);
    if (number === NO_OWNER) {
      this.overflow++;
      return NO_OWNER;
    }
    this.#numbers.set(key, number);
    const names = describe(number);
    for (let word = 0; word < OWNER_WORDS; word++)
      this.facts[number * OWNER_WORDS + word] = this.#names.intern(names[word]);
    return number;
  }

  /** What becomes known of an owner later; nothing where it has gone. @param word of its facts */
  setName(owner: SocketOwner, word: number, name: string): void {
    const number = this.#numbers.get(keyOf(owner));
    if (number !== undefined) this.facts[number * OWNER_WORDS + word] = this.#names.intern(name);
  }

  eachName(keep: (number: number) => void): void {
    for (const number of this.#numbers.values())
      for (let word = 0; word < OWNER_WORDS; word++) keep(this.facts[number * OWNER_WORDS + word]);
  }

  #tidy(inUse: (keep: (number: number) => void) => void): void {
    const kept = new Uint8Array(this.#most + 1);
    inUse(number => (kept[number] = 1));
    for (const [key, number] of this.#numbers) {
      if (kept[number] !== 0) continue;
      this.#numbers.delete(key);
      this.#free.push(number);
      this.facts.fill(NO_NAME, number * OWNER_WORDS, (number + 1) * OWNER_WORDS);
    }
  }
}

function keyOf({ user, command, cgroup }: SocketOwner): string {
  return `${user} ${command}\0${cgroup}`;
}
