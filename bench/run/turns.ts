import { once } from 'node:events';

/** Milliseconds a turn: long beside its message, short beside what changes on the machine. */
const TURN_MS = 25;

/**
 * Turns that two processes take, where one is the child of bench:ab: each asks for its next by a message, works for a while,
 * and waits. Alone, all the time is one turn.
 */
export class Turns {
  #ends = 0;

  /** Waits until it is this process's turn. Ends the process where nobody gives turns any more. */
  async mine(): Promise<void> {
    if (!process.send || now() < this.#ends) return;
    const given = once(process, 'message');
    const left = (): never => process.exit(1);
    process.once('disconnect', left);
    process.send('turn');
    await given;
    process.off('disconnect', left);
    this.#ends = now() + TURN_MS;
  }
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
