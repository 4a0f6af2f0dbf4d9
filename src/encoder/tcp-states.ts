const BITS = 4;
const WORD = 32;
const STATE_MASK = 15;

/** The states before the last time that it had this one; all where it never had. Four bits each, the oldest in the lowest. */
export function statesBefore(states: number, state: number): number {
  for (let shift = WORD - BITS; shift >= 0; shift -= BITS) {
    if (((states >>> shift) & STATE_MASK) === state) return (states & ((1 << shift) - 1)) >>> 0;
  }
  return states;
}
