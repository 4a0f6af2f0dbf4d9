import { once } from 'node:events';

/** Milliseconds a turn: long beside its message, short beside what changes on the machine. */
const TURN_MS = 25;

/**
 * Turns that two processes take, of which each asks bench:ab for its next by a message, works for a while, and waits. Where
 * nobody gives turns, all the time is one.
 */
export class Turns {
  readonly #taken: boolean;
  #ends = 0;

  constructor(paired: boolean) {
    this.#taken = paired && process.send !== undefined;
  }

  /** Waits until it is this process's turn. Ends the process where nobody gives turns any more. */
  async mine(): Promise<void> {
    if (!this.#taken || now() < this.#ends) return;
    const given = once(process, 'message');
    const left = (): never => process.exit(1);
    process.once('disconnect', left);
    process.send!('turn');
    await given;
    process.off('disconnect', left);
    this.#ends = now() + TURN_MS;
  }
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
