import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import { type GroupBy, GroupKeys, wordsOf } from './group-keys.js';
import { GroupSums, MOST_GROUPS } from './group-sums.js';
import type { GroupLine, TopPage } from './page.js';
import type { Sort } from './query.js';
import { Selection } from './selection.js';

const LAST = -Infinity;

/** Sums up connections by what they have in common. */
export class Grouper {
  readonly #keys: GroupKeys;
  readonly #most: number;
  #group: GroupBy = 'source';
  #sums: GroupSums;

  /** @param most groups, a power of two */
  constructor(flows: Flows, names: NameTable, most = MOST_GROUPS) {
    this.#keys = new GroupKeys(flows, names);
    this.#most = most;
    this.#sums = new GroupSums(wordsOf(this.#group), most);
  }

  begin(group: GroupBy): void {
    this.#group = group;
    const words = wordsOf(group);
    if (this.#sums.words === words) this.#sums.clear();
    else this.#sums = new GroupSums(words, this.#most);
    this.#sums.key.fill(0);
  }

  /** @param packets, bytes, rate NaN where they are not known; @param start milliseconds since 1970 */
  add(slot: number, packets: number, bytes: number, rate: number, start: number): void {
    const sums = this.#sums;
    if (this.#keys.set(this.#group, slot, sums.key)) sums.add(packets, bytes, rate, start);
  }

  /** Connections in all groups. */
  get connections(): number {
    const { connections, count } = this.#sums;
    let sum = 0;
    for (let group = 0; group < count; group++) sum += connections[group];
    return sum;
  }

  /** The first groups in an order. @param now milliseconds since 1970 */
  first(sort: Sort, reverse: boolean, skip: number, rows: number, now: number): NonNullable<TopPage['groups']> {
    const sums = this.#sums;
    const selection = new Selection(skip + rows);
    for (let group = 0; group < sums.count; group++) {
      const value = this.#value(group, sort);
      selection.offer(value < 0 ? LAST : reverse ? -value : value, sums.connections[group], group);
    }
    const lines = selection
      .take()
      .slice(skip)
      .map(group => this.#line(group, now));
    return { count: sums.count, lines, leftOut: sums.leftOut };
  }

  /** The larger comes first; below 0 where it is not known. A group has no state: the number of its connections stands for it. */
  #value(group: number, sort: Sort): number {
    const sums = this.#sums;
    switch (sort) {
      case 'bytes':
        return sums.counted[group] > 0 ? sums.bytes[group] : -1;
      case 'packets':
        return sums.counted[group] > 0 ? sums.packets[group] : -1;
      case 'rate':
        return sums.rated[group] > 0 ? sums.rates[group] : -1;
      case 'age':
        return Math.max(Number.MAX_SAFE_INTEGER - sums.starts[group], 0);
      case 'state':
        return sums.connections[group];
    }
  }

  #line(group: number, now: number): GroupLine {
    const sums = this.#sums;
    const key = sums.keyOf(group);
    return {
      name: this.#keys.nameOf(this.#group, key),
      ...this.#keys.factsOf(this.#group, key),
      connections: sums.connections[group],
      ...(sums.counted[group] > 0 && { packets: sums.packets[group], bytes: sums.bytes[group] }),
      ...(sums.rated[group] > 0 && { rate: sums.rates[group] }),
      age: Math.max(now - sums.starts[group], 0),
    };
  }
}
