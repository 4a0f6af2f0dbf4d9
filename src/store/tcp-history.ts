const BITS = 4;
const WORD = 32;
const STATE_MASK = 15;

/** Packed states with one more behind them: four bits each, the oldest in the lowest; of nine the oldest goes. */
export function appendState(states: number, state: number): number {
  let shift = 0;
  let last = 0;
  for (; shift < WORD && states >>> shift !== 0; shift += BITS) last = (states >>> shift) & STATE_MASK;
  if (last === state) return states;
  if (shift === WORD) return ((states >>> BITS) | (state << (WORD - BITS))) >>> 0;
  return (states | (state << shift)) >>> 0;
}

/** Whether a state is among packed ones. */
export function hasState(states: number, state: number): boolean {
  for (let shift = 0; shift < WORD; shift += BITS) {
    if (((states >>> shift) & STATE_MASK) === state) return true;
  }
  return false;
}

/** The TCP states that each connection of a store went through, by slot; the last eight. */
export class TcpHistory {
  /** Packed states, the oldest in the lowest four bits; 0 for none. */
  readonly states: Uint32Array;

  constructor(slots: number) {
    this.states = new Uint32Array(slots);
  }

  /** The slot holds a connection that had these packed states by events. */
  begin(slot: number, states: number): void {
    this.states[slot] = states;
  }

  /** An event has a state, after all others. */
  entered(slot: number, state: number): void {
    this.states[slot] = appendState(this.states[slot], state);
  }

  /** A row shows a state: events may have had it, and later ones too, before the row came. */
  shown(slot: number, state: number): void {
    if (!hasState(this.states[slot], state)) this.entered(slot, state);
  }
}
