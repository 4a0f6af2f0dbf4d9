/** What a collector was told of one connection. */
export interface Told {
  /** Eight words: the four counters as last reported, in the order of the row. */
  readonly counters: Uint32Array;
  /** The reason of the last record, 0 where there was none. */
  readonly reason: number;
  /** The state in the last record, 255 where there was none. */
  readonly state: number;
  /** The connection was said to be over. */
  readonly ended: boolean;
}

/**
 * What one collector was told, remembered beyond the life of an exporter. Connections are named by their row, at word `from`;
 * of one without the kernel's id and start nothing is known, and nothing is kept.
 */
export interface ReportMemory {
  /**
   * What exporters before this one told of it; undefined where they told nothing, or that is not known. Counters that the
   * row has fallen below count as zero: somebody has zeroed them.
   */
  recall(row: Uint32Array, from: number): Told | undefined;
  /** Whether it is certain that nothing of it was ever told, although it may be older than this exporter. */
  neverTold(row: Uint32Array, from: number): boolean;
  /**
   * These counters are to be taken as reported, without a record that says so.
   * @param counters eight words from word `at`
   * @param ended the connection is over, or no longer exported: only the rest of this run may ask for it
   */
  note(
    row: Uint32Array,
    from: number,
    counters: Uint32Array,
    at: number,
    reason: number,
    state: number,
    ended: boolean,
  ): void;
  /** The store has put a connection out at its limit: of those not remembered some may have been reported. */
  leftOut(): void;
}
