/** A message on its way to whoever reads the records. */
export interface Arrival {
  /** Who is behind it. */
  readonly peer: string;
  readonly bytes: Uint8Array;
  /** Decodes it and hands its records over; a promise where the next message has to wait. */
  readonly deliver: (bytes: Uint8Array) => void | Promise<void>;
}

/** What an object in a queue takes beside its octets. */
const OVERHEAD = 512;

/** Hands messages over one after another. While the reader of their records lets them wait, they queue. */
export class Intake {
  readonly #limit: number;
  readonly #onBusy: () => void;
  readonly #onIdle: () => void;
  #queue: Arrival[] = [];
  /** Where the queue begins. */
  #next = 0;
  #octets = 0;
  readonly #peers = new Map<string, number>();
  #busy = false;
  #closed = false;

  /**
   * @param limit octets that may wait, as far as {@link offer} asks
   * @param onBusy messages wait from now on: whoever can, stops reading
   * @param onIdle none waits any more
   */
  constructor(limit: number, onBusy: () => void, onIdle: () => void) {
    this.#limit = limit;
    this.#onBusy = onBusy;
    this.#onIdle = onIdle;
  }

  get busy(): boolean {
    return this.#busy;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#queue.length - this.#next;
  }

  /** Takes a message of a sender that TCP slows down: it always finds room. */
  take(arrival: Arrival): void {
    if (this.#closed) return;
    if (this.#busy) this.#enqueue(arrival);
    else this.#run(arrival);
  }

  /**
   * Takes a message if there is room: a peer may have as much of it as is free.
   * @returns whether it was taken
   */
  offer(arrival: Arrival): boolean {
    const size = arrival.bytes.length + OVERHEAD;
    if (this.#busy && (this.#peers.get(arrival.peer) ?? 0) + size > this.#limit - this.#octets) return false;
    this.take(arrival);
    return true;
  }

  /** Delivers nothing more. */
  close(): void {
    this.#closed = true;
  }

  #run(arrival: Arrival): void {
    const wait = arrival.deliver(arrival.bytes);
    if (wait === undefined) return;
    this.#busy = true;
    this.#onBusy();
    void this.#runAfter(wait);
  }

  async #runAfter(wait: Promise<void>): Promise<void> {
    await wait;
    while (this.waiting > 0 && !this.#closed) {
      const arrival = this.#dequeue();
      const more = arrival.deliver(arrival.bytes);
      if (more !== undefined) await more;
    }
    this.#busy = false;
    if (!this.#closed) this.#onIdle();
  }

  #enqueue(arrival: Arrival): void {
    this.#queue.push(arrival);
    this.#account(arrival, 1);
  }

  #dequeue(): Arrival {
    const arrival = this.#queue[this.#next++];
    this.#account(arrival, -1);
    // not at each message, or a long queue would be copied again and again
    if (this.#next * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return arrival;
  }

  #account({ peer, bytes }: Arrival, sign: 1 | -1): void {
    const size = sign * (bytes.length + OVERHEAD);
    this.#octets += size;
    const left = (this.#peers.get(peer) ?? 0) + size;
    if (left > 0) this.#peers.set(peer, left);
    else this.#peers.delete(peer);
  }
}
