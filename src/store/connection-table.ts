import { ROW_SIZE } from '../layout.generated.js';

/** Words of a row. */
export const ROW_WORDS = ROW_SIZE / 4;

/** The slot holds a connection. */
export const IN_USE = 1;
/** The kernel no longer has the connection; it waits for its last report. */
export const GONE = 2;

const NONE = -1;

/**
 * The connections by slot: a row of kernel facts each, and columns of what the store adds. All columns are as long as the
 * limit from the start: the operating system commits memory only when a slot is first used, so nothing is ever copied to
 * grow. Free slots are handed out lowest first until one has been given back.
 */
export class ConnectionTable {
  readonly capacity: number;
  /** Rows of ROW_WORDS words. */
  readonly rows: Uint32Array;
  /** The rows as bytes. */
  readonly bytes: Uint8Array;
  /** Flow start, milliseconds since 1970. */
  readonly startMs: Float64Array;
  /** Last packet, milliseconds since 1970. */
  readonly endMs: Float64Array;
  /** When a counter was last seen to move, or since when the connection is gone; monotonic milliseconds. */
  readonly changedAt: Float64Array;
  /** The poll that saw the connection last. */
  readonly seenIn: Uint32Array;
  readonly flags: Uint8Array;
  /** Observers that have not let go of the slot. */
  readonly holders: Uint8Array;
  /** Slots that have ever been used lie below. */
  top = 0;
  count = 0;
  readonly #nextFree: Int32Array;
  #free = NONE;

  constructor(capacity: number) {
    this.capacity = capacity;
    const buffer = new ArrayBuffer(capacity * ROW_SIZE);
    this.rows = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.startMs = new Float64Array(capacity);
    this.endMs = new Float64Array(capacity);
    this.changedAt = new Float64Array(capacity);
    this.seenIn = new Uint32Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.holders = new Uint8Array(capacity);
    this.#nextFree = new Int32Array(capacity);
  }

  get full(): boolean {
    return this.count === this.capacity;
  }

  /** A slot with a copy of the row that begins at word `from`; the table must not be full. */
  allocate(source: Uint32Array, from: number): number {
    let slot = this.#free;
    if (slot === NONE) slot = this.top++;
    else this.#free = this.#nextFree[slot];
    this.count++;
    this.flags[slot] = IN_USE;
    const to = slot * ROW_WORDS;
    for (let word = 0; word < ROW_WORDS; word++) this.rows[to + word] = source[from + word];
    return slot;
  }

  free(slot: number): void {
    this.flags[slot] = 0;
    this.#nextFree[slot] = this.#free;
    this.#free = slot;
    this.count--;
  }

  clear(): void {
    this.flags.fill(0, 0, this.top);
    this.top = 0;
    this.count = 0;
    this.#free = NONE;
  }
}
