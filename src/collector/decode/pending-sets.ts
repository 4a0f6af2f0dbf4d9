import type { MessageOrigin } from './record.js';

/** A data set that waits for its template. */
export interface PendingSet {
  readonly origin: MessageOrigin;
  /** Where its records begin and end in the message. */
  readonly start: number;
  readonly end: number;
}

interface Waiting extends PendingSet {
  readonly peer: string;
  /** Milliseconds of performance.now(). */
  readonly received: number;
}

/** What a set takes beside its octets. */
const OVERHEAD = 512;

/**
 * Data sets that came over UDP in front of their template (RFC 7011 section 8 lets a collecting process keep them). A peer
 * may have as much of the room as is still free, so that nobody alone fills it.
 */
export class PendingSets {
  readonly #limit: number;
  readonly #lifetime: number;
  readonly #sets = new Map<string, Waiting[]>();
  readonly #peers = new Map<string, number>();
  #octets = 0;
  #count = 0;

  /**
   * @param limit octets
   * @param lifetime milliseconds
   */
  constructor(limit: number, lifetime: number) {
    this.#limit = limit;
    this.#lifetime = lifetime;
  }

  /** Sets that wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Keeps a set; its octets are copied.
   * @param template the set's id
   * @returns whether there was room
   */
  keep(template: number, set: PendingSet, peer: string, now: number): boolean {
    const { origin, start, end } = set;
    const size = end - start + OVERHEAD;
    if ((this.#peers.get(peer) ?? 0) + size > this.#limit - this.#octets) return false;
    const bytes = origin.bytes.slice(start, end);
    const waiting: Waiting = { origin: { ...origin, bytes }, start: 0, end: end - start, peer, received: now };
    const key = keyOf(origin, template);
    const others = this.#sets.get(key);
    if (others === undefined) this.#sets.set(key, [waiting]);
    else others.push(waiting);
    this.#account(waiting, 1);
    return true;
  }

  /**
   * Takes the sets that waited for a template, in the order of arrival.
   * @param origin the message that brought the template. Where its number lies behind theirs though it was exported later,
   * the exporter has started again, and its template is not theirs.
   * @returns the sets, and how many are not given because of their age or that
   */
  take(template: number, origin: MessageOrigin, now: number): { sets: readonly PendingSet[]; dropped: number } {
    const key = keyOf(origin, template);
    const waiting = this.#sets.get(key);
    if (waiting === undefined) return { sets: [], dropped: 0 };
    this.#sets.delete(key);
    for (const set of waiting) this.#account(set, -1);
    const sets = waiting.filter(set => now - set.received <= this.#lifetime && !isOlderRun(set.origin, origin));
    return { sets, dropped: waiting.length - sets.length };
  }

  /** Removes those whose time is over. @returns whose they were */
  expire(now: number): MessageOrigin[] {
    return this.#remove(({ received }) => now - received > this.#lifetime);
  }

  /** Removes all. @returns whose they were */
  clear(): MessageOrigin[] {
    return this.#remove(() => true);
  }

  #remove(isOver: (set: Waiting) => boolean): MessageOrigin[] {
    const removed: MessageOrigin[] = [];
    for (const [key, waiting] of this.#sets) {
      const left = waiting.filter(set => !isOver(set));
      if (left.length === waiting.length) continue;
      for (const set of waiting) {
        if (!isOver(set)) continue;
        this.#account(set, -1);
        removed.push(set.origin);
      }
      if (left.length > 0) this.#sets.set(key, left);
      else this.#sets.delete(key);
    }
    return removed;
  }

  #account({ peer, start, end }: Waiting, sign: 1 | -1): void {
    const size = sign * (end - start + OVERHEAD);
    this.#count += sign;
    this.#octets += size;
    const left = (this.#peers.get(peer) ?? 0) + size;
    if (left > 0) this.#peers.set(peer, left);
    else this.#peers.delete(peer);
  }
}

function keyOf({ exporter, observationDomain }: MessageOrigin, template: number): string {
  return `${exporter} ${observationDomain} ${template}`;
}

function isOlderRun(waiting: MessageOrigin, now: MessageOrigin): boolean {
  return ((now.sequence - waiting.sequence) | 0) < 0 && now.exportTime > waiting.exportTime;
}
