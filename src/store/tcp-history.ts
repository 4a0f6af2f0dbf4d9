import { U32_MAX } from '../common/unsigned.js';
import { ESTABLISHED, SYN_SENT } from '../row/conntrack.js';

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

/**
 * What is known of a handshake of TCP in one number, after one more event: 0 for nothing, above it when the connection began, below it
 * how long the handshake took.
 * @param state of the event; @param time when it was, microseconds on the clock of the others
 */
export function handshakeAfter(known: number, isNew: boolean, state: number, time: number): number {
  // one that is picked up in the middle begins with another state
  if (isNew) return state === SYN_SENT ? time : 0;
  if (known <= 0 || state !== ESTABLISHED) return known;
  const took = Math.round(time - known);
  // another clock, where somebody has switched the kernel's timestamps meanwhile
  if (took < 0 || took > U32_MAX) return 0;
  // 0 would be none
  return -Math.max(took, 1);
}

/** Microseconds that it took, 0 where that was not seen. */
export function handshakeTime(known: number): number {
  return known < 0 ? -known : 0;
}
