import { ROW_WORDS, type ConnectionTable } from './store/connection-table.js';
import { ORIG_PACKETS, STATE } from './layout.generated.js';
import type { ReportMemory } from './report-memory.js';
import { REPORTED_WORDS, type ReportSlots } from './report-slots.js';
import { readNumber, subtract } from './u64.js';

/** Where the counters begin in the row; they stand there one after another, in the same order. */
export const COUNTERS_WORD = ORIG_PACKETS >> 2;

/** No TCP state was ever reported. */
const NEVER = 255;

/** What was never reported. */
export interface Unreported {
  connections: number;
  packets: number;
  octets: number;
}

export function newUnreported(): Unreported {
  return { connections: 0, packets: 0, octets: 0 };
}

export function sumUnreported(list: readonly Unreported[]): Unreported {
  const sum = newUnreported();
  for (const { connections, packets, octets } of list) {
    sum.connections += connections;
    sum.packets += packets;
    sum.octets += octets;
  }
  return sum;
}

/** What one destination was told last of each connection, by slot. */
export class Reported {
  readonly #table: ConnectionTable;
  readonly #slots: ReportSlots;
  readonly #memory: ReportMemory | undefined;
  /** The connection that was begun last was said to be over by an exporter before. */
  wasEnded = false;

  /** @param memory what the destination was told by exporters before */
  constructor(table: ConnectionTable, slots: ReportSlots, memory?: ReportMemory) {
    this.#table = table;
    this.#slots = slots;
    this.#memory = memory;
  }

  /**
   * @param before what the connection has counted so far is taken as reported, unless the memory knows better
   * @returns the reason of the last record that an exporter before this one made of it, 0 where there is none
   */
  begin(slot: number, before: boolean): number {
    const { rows } = this.#table;
    const { words } = this.#slots;
    const at = this.#slots.countersAt(slot);
    const row = slot * ROW_WORDS;
    const told = this.#memory?.recall(rows, row);
    this.wasEnded = told?.ended ?? false;
    this.#slots.setLast(slot, told?.reason ?? 0, told?.state ?? NEVER);
    if (told) words.set(told.counters, at);
    else if (before && !this.#memory?.neverTold(rows, row)) {
      this.#takeCounters(slot);
      this.note(slot, false);
    } else {
      for (let word = 0; word < REPORTED_WORDS; word++) words[at + word] = 0;
    }
    return told?.reason ?? 0;
  }

  /** The row as it is now has been reported. */
  update(slot: number, reason: number): void {
    this.#takeCounters(slot);
    this.#slots.setLast(slot, reason, this.#state(slot));
  }

  /** What was not yet reported of the old counters stays due: the reported ones go below zero, modulo 2^64. */
  countersReset(slot: number): void {
    const { rows } = this.#table;
    const { words } = this.#slots;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const at = this.#slots.countersAt(slot);
    for (let word = 0; word < REPORTED_WORDS; word += 2) {
      subtract(words, at + word, rows, from + word, words, at + word);
    }
    this.note(slot, false);
  }

  /**
   * What stands as reported is to be remembered, though no record says so.
   * @param ended the connection is over, or no longer exported
   */
  note(slot: number, ended: boolean): void {
    if (!this.#memory) return;
    const slots = this.#slots;
    const reason = slots.lastReason(slot);
    const state = slots.lastState(slot);
    const at = slots.countersAt(slot);
    this.#memory.note(this.#table.rows, slot * ROW_WORDS, slots.words, at, reason, state, ended);
  }

  /** The store has put a connection out at its limit. */
  leftOut(slot: number): void {
    this.#memory?.leftOut();
    this.note(slot, true);
  }

  /** The reason of the last report, 0 before the first. */
  lastReason(slot: number): number {
    return this.#slots.lastReason(slot);
  }

  hasNews(slot: number): boolean {
    const slots = this.#slots;
    return slots.lastReason(slot) === 0 || slots.lastState(slot) !== this.#state(slot) || this.#hasCounted(slot);
  }

  /** Adds what is unreported of a connection. */
  addTo(sum: Unreported, slot: number): void {
    const delta = new Uint32Array(2);
    const { rows } = this.#table;
    const { words } = this.#slots;
    const at = this.#slots.countersAt(slot);
    const left = [0, 2, 4, 6].map(word => {
      const from = slot * ROW_WORDS + COUNTERS_WORD + word;
      subtract(rows, from, words, at + word, delta, 0);
      return readNumber(delta, 0);
    });
    sum.connections++;
    sum.packets += left[0] + left[2];
    sum.octets += left[1] + left[3];
  }

  #takeCounters(slot: number): void {
    const { words } = this.#slots;
    const { rows } = this.#table;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const to = this.#slots.countersAt(slot);
    for (let word = 0; word < REPORTED_WORDS; word++) words[to + word] = rows[from + word];
  }

  #hasCounted(slot: number): boolean {
    const { words } = this.#slots;
    const { rows } = this.#table;
    const from = slot * ROW_WORDS + COUNTERS_WORD;
    const to = this.#slots.countersAt(slot);
    for (let word = 0; word < REPORTED_WORDS; word++) if (words[to + word] !== rows[from + word]) return true;
    return false;
  }

  #state(slot: number): number {
    return this.#table.bytes[slot * ROW_WORDS * 4 + STATE];
  }
}
