import type { Scope } from '../../../test/helpers/kernel/scope.js';
import type { OracleRecord } from '../../../test/helpers/oracles/record.js';
import type { Dialect } from '../dialect.js';

/** A program or a library that takes flow records, and how it is asked what it has read. */
export interface Taker {
  readonly name: string;
  readonly dialect: Dialect;
  /** It is asked for events of a NAT too. */
  readonly nat?: true;
  /** Of ICMP it shows type and code in place of ports. */
  readonly icmpWithoutPorts?: true;
  /** An element of options that it shows in each flow. */
  readonly ofFlows?: string;
  /** What it is run as, in a few words. */
  readonly run: string;
  /** How it can be had here. @returns why not, undefined where it is there */
  lacks(): string | undefined;
  version(): string;
  /** Gives it the messages of one session, in their order. */
  read(messages: readonly Buffer[], scope: Scope): Promise<readonly OracleRecord[]>;
}
