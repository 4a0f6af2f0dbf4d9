/**
 * Connections of the kernel that a store at its limit has evicted or refused. There is no list of them: there are some until
 * a whole poll has found room for all, and none is younger than the rows of the poll before.
 */
export class Overflow {
  #some = false;
  #someReported = false;
  #inThisPoll = false;
  /** Wall milliseconds at which this poll, and the one before, read rows last. */
  #readAt = Number.NEGATIVE_INFINITY;
  #previousReadAt = Number.NEGATIVE_INFINITY;

  beginPoll(): void {
    this.#inThisPoll = false;
    this.#previousReadAt = this.#readAt;
  }

  /** Rows were read at this wall time. */
  read(at: number): void {
    this.#readAt = at;
  }

  /** @param reported it was stored, so that something of it may have been reported */
  add(reported: boolean): void {
    this.#some = true;
    this.#someReported ||= reported;
    this.#inThisPoll = true;
  }

  endPoll(complete: boolean): void {
    if (complete && !this.#inThisPoll) this.clear();
  }

  /**
   * Whether a connection that is not stored may be one of those.
   * @param start milliseconds since 1970, undefined where not known: then any connection may be
   */
  mayHave(start: number | undefined): boolean {
    return this.#some && (start === undefined || start <= this.#previousReadAt);
  }

  /** Whether something of it may have been reported before. */
  mayHaveReported(start: number | undefined): boolean {
    return this.#someReported && this.mayHave(start);
  }

  clear(): void {
    this.#some = false;
    this.#someReported = false;
  }
}
