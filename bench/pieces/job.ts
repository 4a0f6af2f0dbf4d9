export interface PiecesJob {
  /** Connections in the table, at any time. */
  readonly connections: number;
  /** Connections a second that come, and as many that go. */
  readonly churn: number;
  /** Milliseconds over which a dump is spread; 0 for one at once. */
  readonly duration: number;
  readonly dumps: number;
}

/** Sums over all dumps. */
export interface PiecesResult {
  /** Connections that were there from before a dump until after it. */
  lasting: number;
  /** Of those, not shown. */
  missed: number;
  /** Shown once more, of whatever kind. */
  doubled: number;
  /** Connections that began during a dump, and of those shown. */
  came: number;
  cameShown: number;
  /** Connections that ended during a dump, and of those shown. */
  went: number;
  wentShown: number;
  seconds: number;
}
