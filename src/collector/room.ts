/** Who holds a part of something limited. */
export interface Occupant {
  /** Who is behind it: occupants of one peer share. */
  readonly peer: string;
  /** Messages from which something was read. */
  messages: number;
  /** When the last one came, in milliseconds of performance.now(); when it began, before the first. */
  lastMessage: number;
}

/** Whoever has been silent for so long is as useful as one that never sent anything. */
const SILENT_MS = 600_000;
/** A peer may always have this part of the whole. */
const LEAST_SHARE = 1 / 16;

/** Something limited, and who holds how much of it. */
export class Room<T extends Occupant> {
  readonly #limit: number;
  readonly #parts = new Map<T, number>();
  readonly #peers = new Map<string, number>();
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.#used >= this.#limit;
  }

  get overfull(): boolean {
    return this.#used > this.#limit;
  }

  /** Gives an occupant a part; it gives back the one that it had. */
  give(occupant: T, part: number): void {
    const change = part - (this.#parts.get(occupant) ?? 0);
    if (change === 0 && this.#parts.has(occupant)) return;
    this.#parts.set(occupant, part);
    this.#change(occupant.peer, change);
  }

  remove(occupant: T): void {
    const part = this.#parts.get(occupant);
    if (part === undefined) return;
    this.#parts.delete(occupant);
    this.#change(occupant.peer, -part);
  }

  /**
   * Who is missed the least: of the peers that have more than their share, if there are any, the one that has sent the
   * fewest messages, and among equals the one that has been silent the longest. A share is the whole divided by the peers,
   * and a sixteenth of it at least.
   */
  leastUseful(now = performance.now()): T | undefined {
    const share = Math.max(this.#limit / Math.max(this.#peers.size, 1), this.#limit * LEAST_SHARE);
    let least: T | undefined;
    let leastOver = false;
    let leastWorth = 0;
    for (const occupant of this.#parts.keys()) {
      const over = this.#peers.get(occupant.peer)! > share;
      const worth = now - occupant.lastMessage > SILENT_MS ? 0 : occupant.messages;
      if (
        least === undefined ||
        (over !== leastOver
          ? over
          : worth < leastWorth || (worth === leastWorth && occupant.lastMessage < least.lastMessage))
      ) {
        least = occupant;
        leastOver = over;
        leastWorth = worth;
      }
    }
    return least;
  }

  #change(peer: string, by: number): void {
    this.#used += by;
    const left = (this.#peers.get(peer) ?? 0) + by;
    if (left > 0) this.#peers.set(peer, left);
    else this.#peers.delete(peer);
  }
}
