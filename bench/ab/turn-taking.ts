import type { ChildProcess } from 'node:child_process';

/** Gives turns to the two processes of a pair: never to both at a time, and each time in an order drawn by lot. */
export class TurnTaking {
  readonly #lot: () => number;
  readonly #children: ChildProcess[] = [];
  readonly #running = new Set<ChildProcess>();
  readonly #waiting = new Set<ChildProcess>();
  #order: ChildProcess[] = [];
  #firstWaits = (): void => {};
  /** The first waits for its turn, or has ended: the second may begin. */
  readonly firstWaits = new Promise<void>(resolve => (this.#firstWaits = resolve));

  /** @param lot 0 or 1 */
  constructor(lot: () => number) {
    this.#lot = lot;
  }

  join(child: ChildProcess): void {
    this.#children.push(child);
    this.#running.add(child);
    child.on('message', () => {
      this.#running.delete(child);
      this.#waiting.add(child);
      this.#next();
    });
    child.once('close', () => {
      this.#running.delete(child);
      this.#waiting.delete(child);
      this.#next();
    });
  }

  /** Whose turn it is now, where nobody has one. */
  #next(): void {
    if (this.#running.size > 0) return;
    if (this.#children.length < 2) return this.#firstWaits();
    this.#order = this.#order.filter(child => this.#waiting.has(child));
    if (this.#order.length === 0) {
      this.#order = this.#children.filter(child => this.#waiting.has(child));
      if (this.#lot() === 1) this.#order.reverse();
    }
    const child = this.#order.shift();
    if (child === undefined) return;
    this.#waiting.delete(child);
    this.#running.add(child);
    child.send('go', () => {}); // one that ends meanwhile closes
  }
}
