/** When a count of losses first rose, and when it last did; as exactly as it is looked at. */
export class LossClock {
  #first = 0;
  #last = 0;
  #seen = 0;

  /** @param count of all losses so far; @returns undefined while there are none */
  look(count: number, now: number): { readonly first: number; readonly last: number } | undefined {
    if (count !== this.#seen) {
      this.#first ||= now;
      this.#last = now;
      this.#seen = count;
    }
    return count === 0 ? undefined : { first: this.#first, last: this.#last };
  }
}
