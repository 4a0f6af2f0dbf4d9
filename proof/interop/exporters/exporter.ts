import type { Scope } from '../../../test/helpers/kernel/scope.js';

/** A program that exports flow records, and the messages that it sends of known traffic. */
export interface Exporter {
  readonly name: string;
  /** What it is run as, in a few words. */
  readonly run: string;
  /** How it can be had here. @returns why not, undefined where it is there */
  lacks(): string | undefined;
  version(): string;
  /** @returns the messages of one session, in their order */
  send(scope: Scope): Promise<readonly Buffer[]>;
}
