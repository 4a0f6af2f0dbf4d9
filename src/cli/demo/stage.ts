import type { Flow } from './flow-board.js';

/** How a demonstration stands, once a second. */
export interface Snapshot {
  readonly mode: 'live' | 'replay';
  readonly backend: 'native' | 'fallback';
  /** Milliseconds since it began, and how long it is meant to take where that is known. */
  readonly elapsed: number;
  readonly duration?: number;
  readonly connections: number;
  readonly records: number;
  readonly packets: number;
  readonly octets: number;
  /** The connections most worth a row, in order; not all of them. */
  readonly top: readonly Flow[];
  /** Those that came up since the last snapshot. */
  readonly fresh: readonly Flow[];
}

/** Where a demonstration is shown while it runs, and from where it can be ended early. */
export interface Stage {
  readonly signal: AbortSignal;
  show(snapshot: Snapshot): void;
  /** A sentence that the user should read. */
  say(line: string): void;
}
