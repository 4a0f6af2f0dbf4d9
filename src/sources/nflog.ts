import type { LogPrefix, LogRules, NflogCounts, NflogListener as NativeNflog } from '../../native/binding.js';
import { native, nativeError } from '../common/native-error.js';
import { RowListener, type NativeListener } from './row-listener.js';
import type { KernelOptions } from './source.js';

export type { NflogCounts };

/** Of the filter, family and protocols are tested: a packet has no zone, no connection mark and no state. */
export interface NflogOptions extends KernelOptions {
  /** 16-bit numbers; each has one reader at most. */
  groups: readonly number[];
  /** Bytes wanted; what is given may be less, as for events. */
  receiveBuffer: number;
  /** A closed one whose numbers of prefixes stay. */
  previous?: NflogSource;
}

/** What {@link NflogSource} needs of the native listener. */
export type NflogListener = NativeListener &
  Pick<NativeNflog, 'changedRules' | 'counts' | 'prefix' | 'prefixCount' | 'keepPrefixes'>;

/**
 * Packets that rules have logged to NFLOG groups, as they come: rows of EVENT_DENIED, one a packet. The kernel gathers
 * them for up to 20 ms.
 */
export class NflogSource extends RowListener<NflogListener> {
  /** What became of the packets so far; a row may be counted before it is delivered. */
  counts(): NflogCounts {
    return this.listener.counts();
  }

  /** The log prefix whose number stands in RULE of a row; `''` for 0. */
  prefix(number: number): LogPrefix {
    return this.listener.prefix(number);
  }

  /**
   * The rules of nft that log to its groups; null where none has changed since the last call, and once it is closed.
   * @throws CtflowError CTFLOW_NETLINK, CTFLOW_PERMISSION
   */
  async changedRules(): Promise<LogRules | null> {
    try {
      return await this.listener.changedRules();
    } catch (error) {
      throw nativeError(error);
    }
  }

  /** How many prefixes have a number; 4,096 at most. */
  get prefixCount(): number {
    return this.listener.prefixCount();
  }

  /** Frees the numbers that are not among these, and that no row has which is still to come. */
  keepPrefixes(used: Uint32Array): void {
    this.listener.keepPrefixes(used);
  }

  /** For the one that comes after this one. */
  get native(): NativeNflog {
    return this.listener as NativeNflog;
  }

  /** Leaves the groups; settles when everything logged before has been delivered. */
  async leave(): Promise<void> {
    native(() => this.listener.leave());
    await this.drain();
  }
}
