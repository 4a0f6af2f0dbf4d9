/** What else takes part in a poll, beside the store. */
export interface PollHook {
  /** The dump is about to be requested: it shows what is in the kernel's table from now on. */
  beforeDump?(): void;
  /** Rows of the dump were read. When this settles, the store has every event that was received before them. */
  beforeMerge?(): Promise<void>;
  /**
   * The dump is over, the store not swept yet. When this settles, the store has every event received up to now.
   * @param complete the dump has shown the whole table
   */
  afterDump?(complete: boolean): Promise<void>;
  /** The poll is over: connections that it did not show are gone from the store. */
  afterPoll?(complete: boolean): void | Promise<void>;
}
