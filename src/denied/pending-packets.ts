import { SlotList } from '../store/slot-list.js';
import { HashChains } from './hash-chains.js';

const NONE = -1;

export interface PendingPacket {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The kernel's time; else that of the reading. */
  readonly timed: boolean;
  readonly octets: number;
  /** Polls that had begun when it came. */
  readonly polls: number;
}

/**
 * Denied packets that wait until it is known whether conntrack has counted them too. By flow, in arrays of a fixed size; flows
 * are found by the hash of their endpoints.
 */
export class PendingPackets {
  count = 0;
  /** Flows with pending packets. */
  readonly flows: SlotList;
  readonly byEndpoints: HashChains;
  readonly #capacity: number;
  readonly #first: Int32Array; // of each flow: packet + 1, 0 where none is pending
  readonly #next: Int32Array;
  readonly #time: Float64Array;
  readonly #timed: Uint8Array;
  readonly #octets: Uint32Array;
  readonly #polls: Uint32Array;
  #free = NONE;
  /** Places that have ever been used lie below. */
  #top = 0;

  /** @param flows slots of flows are below it; @param capacity packets at most */
  constructor(flows: number, capacity: number) {
    this.flows = SlotList.of(flows);
    this.byEndpoints = new HashChains(flows);
    this.#capacity = capacity;
    this.#first = new Int32Array(flows);
    this.#next = new Int32Array(capacity);
    this.#time = new Float64Array(capacity);
    this.#timed = new Uint8Array(capacity);
    this.#octets = new Uint32Array(capacity);
    this.#polls = new Uint32Array(capacity);
  }

  has(flow: number): boolean {
    return this.#first[flow] !== 0;
  }

  /** @param hash of the flow's endpoints; @returns false where there is no room */
  add(flow: number, hash: number, { time, timed, octets, polls }: PendingPacket): boolean {
    if (this.count === this.#capacity) return false;
    let packet = this.#free;
    if (packet === NONE) packet = this.#top++;
    else this.#free = this.#next[packet] - 1;
    this.#time[packet] = time;
    this.#timed[packet] = timed ? 1 : 0;
    this.#octets[packet] = octets;
    this.#polls[packet] = polls;
    if (!this.has(flow)) {
      this.byEndpoints.add(flow, hash);
      this.flows.push(flow);
    }
    this.#next[packet] = this.#first[flow];
    this.#first[flow] = packet + 1;
    this.count++;
    return true;
  }

  /** Removes the packets of a flow for which `wanted` is true; it is called once for each, the latest first. */
  take(flow: number, wanted: (packet: PendingPacket) => boolean): void {
    if (!this.has(flow)) return;
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
    if (this.has(flow)) return;
    this.byEndpoints.remove(flow);
    this.flows.remove(flow);
  }

  #packet(packet: number): PendingPacket {
    return {
      time: this.#time[packet],
      timed: this.#timed[packet] !== 0,
      octets: this.#octets[packet],
      polls: this.#polls[packet],
    };
  }
}
