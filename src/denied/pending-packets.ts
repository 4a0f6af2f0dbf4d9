const NONE = -1;

/** A packet as it waits. */
export interface HeldPacket {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The kernel told the time; else it is that of the reading. */
  readonly timed: boolean;
  readonly octets: number;
  /** The polls that had begun when it came. */
  readonly polls: number;
}

/** Denied packets that wait until it is known whether conntrack has them too, by flow, in arrays of a fixed size. */
export class HeldPackets {
  /** Packets that wait. */
  count = 0;
  readonly #capacity: number;
  readonly #first: Int32Array; // of each flow: packet + 1, 0 where none waits
  readonly #next: Int32Array;
  readonly #time: Float64Array;
  readonly #timed: Uint8Array;
  readonly #octets: Uint32Array;
  readonly #polls: Uint32Array;
  #free = NONE;
  /** Places that have ever been used lie below. */
  #top = 0;

  /** @param flows slots of flows are below it; @param packets that can wait at most */
  constructor(flows: number, packets: number) {
    this.#capacity = packets;
    this.#first = new Int32Array(flows);
    this.#next = new Int32Array(packets);
    this.#time = new Float64Array(packets);
    this.#timed = new Uint8Array(packets);
    this.#octets = new Uint32Array(packets);
    this.#polls = new Uint32Array(packets);
  }

  has(flow: number): boolean {
    return this.#first[flow] !== 0;
  }

  /** @returns false where there is no room */
  hold(flow: number, { time, timed, octets, polls }: HeldPacket): boolean {
    if (this.count === this.#capacity) return false;
    let packet = this.#free;
    if (packet === NONE) packet = this.#top++;
    else this.#free = this.#next[packet] - 1;
    this.#time[packet] = time;
    this.#timed[packet] = timed ? 1 : 0;
    this.#octets[packet] = octets;
    this.#polls[packet] = polls;
    this.#next[packet] = this.#first[flow];
    this.#first[flow] = packet + 1;
    this.count++;
    return true;
  }

  /** Takes out the packets of a flow that `wanted` says; it is called once for each, the latest first. */
  take(flow: number, wanted: (packet: HeldPacket) => boolean): void {
    let before = NONE;
    for (let packet = this.#first[flow] - 1; packet !== NONE;) {
      const link = this.#next[packet];
      if (wanted(this.#packet(packet))) {
        if (before === NONE) this.#first[flow] = link;
        else this.#next[before] = link;
        this.#next[packet] = this.#free + 1;
        this.#free = packet;
        this.count--;
      } else before = packet;
      packet = link - 1;
    }
  }

  #packet(packet: number): HeldPacket {
    return {
      time: this.#time[packet],
      timed: this.#timed[packet] !== 0,
      octets: this.#octets[packet],
      polls: this.#polls[packet],
    };
  }
}
