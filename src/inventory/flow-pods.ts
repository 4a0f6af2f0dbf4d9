import { FACTS_OF_POD } from '../ipfix/details.js';
import { POD_FACTS } from '../encoder/columns.js';
import { NO_NAME } from '../record/name-table.js';
import type { AddressLookup } from './inventory.js';
import { NOTHING } from './prefix-table.js';

/** Where a pod has its facts, of FACTS_OF_POD. */
export const WORKLOAD = 0;
export const LABELS = 1;
/** Ends of a flow. */
const SIDES = 2;

/** Which pods the ends of flows are, by numbers of a look-up whose numbers last, and what is known of them beside their names. */
export class FlowPods {
  /** POD_FACTS names a slot. */
  readonly facts: Uint32Array;
  /** Two numbers of pods a slot, NOTHING where none is known. */
  readonly #pods: Uint32Array;

  constructor(capacity: number) {
    this.facts = new Uint32Array(capacity * POD_FACTS);
    this.#pods = new Uint32Array(capacity * SIDES);
  }

  /** @param side 0 for the source, 1 for the destination */
  of(slot: number, side: number): number {
    return this.#pods[slot * SIDES + side];
  }

  /** @param pod NOTHING for none */
  set(slot: number, side: number, pod: number, lookup: AddressLookup): void {
    this.#pods[slot * SIDES + side] = pod;
    const at = slot * POD_FACTS + side * FACTS_OF_POD;
    this.facts[at + WORKLOAD] = pod === NOTHING ? NO_NAME : lookup.podWorkload!(pod);
    this.facts[at + LABELS] = pod === NOTHING ? NO_NAME : (lookup.podLabels?.(pod) ?? NO_NAME);
  }

  clear(slot: number): void {
    this.#pods.fill(NOTHING, slot * SIDES, (slot + 1) * SIDES);
    this.facts.fill(NO_NAME, slot * POD_FACTS, (slot + 1) * POD_FACTS);
  }

  /** Writes the facts of these pods again. */
  refresh(slot: number, changed: ReadonlySet<number>, lookup: AddressLookup): void {
    for (let side = 0; side < SIDES; side++) {
      const pod = this.of(slot, side);
      if (changed.has(pod)) this.set(slot, side, pod, lookup);
    }
  }
}
