/** Connections that are due together at most. */
const MOST = 512;

/** The first connections that are due at one destination, as an encoder takes them. */
export class DueSlots {
  readonly slots = new Uint32Array(MOST);
  /** Why each is exported, with LAST where the kernel no longer has it; 0 where it has nothing to export. */
  readonly reasons = new Uint8Array(MOST);
  /** Why each is due. */
  readonly why = new Uint8Array(MOST);
  count = 0;
  /** Those with something to export. */
  news = 0;
  /** There is no room for another. */
  full = false;
  #limit = 0;
  #most = 0;

  /** Forgets all. @param limit connections; @param most those with something to export */
  begin(limit: number, most: number): void {
    this.count = 0;
    this.news = 0;
    this.full = limit <= 0;
    this.#limit = limit;
    this.#most = most;
  }

  /** @param last LAST or 0; @returns whether there is room for another */
  add(slot: number, reason: number, last: number, isNews: boolean): boolean {
    if (this.full || (isNews && this.news >= this.#most)) {
      this.full = true;
      return false;
    }
    const at = this.count++;
    this.slots[at] = slot;
    this.why[at] = reason;
    this.reasons[at] = isNews ? reason | last : 0;
    if (isNews) this.news++;
    this.full = this.count === this.#limit;
    return !this.full;
  }
}
