/** What must be put right at the end; a test of ava is one. */
export interface Scope {
  teardown(done: () => Promise<void> | void): void;
}

/** A scope that ends when it is told to, the last thing first. */
export class EndingScope implements Scope {
  #done: (() => Promise<void> | void)[] = [];

  teardown(done: () => Promise<void> | void): void {
    this.#done.push(done);
  }

  /** Does each of them once, the others too where one fails. */
  async end(): Promise<void> {
    const errors: unknown[] = [];
    for (const done of this.#done.splice(0).toReversed()) {
      try {
        await done();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
