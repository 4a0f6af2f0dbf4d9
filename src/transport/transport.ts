import type { Endpoint } from '../common/endpoint.js';

/** What a transport has done; every loss has its reason. */
export interface TransportCounts {
  messages: number;
  records: number;
  octets: number;
  /** Sends that the socket refused, by errno name. */
  errors: Record<string, number>;
  /** Records in messages that were sent and never left this process: UDP at an error, TCP at the very end. */
  lostRecords: number;
  /** TCP: records that the kernel took and the collector may not have read, of all connections that broke. */
  uncertainRecords: number;
  /** Sessions that began. */
  connects: number;
}

/** One message and how many data records it holds. */
export interface Message {
  readonly bytes: Uint8Array;
  readonly records: number;
}

/** Told to the session; nothing more once the transport is asked to close. */
export interface TransportListener {
  /** A transport session begins: everything starts from nothing, templates and sequence numbers included. */
  opened(): void;
  /**
   * It ended, and why; a new one is tried by the transport itself.
   * @param uncertain data records of it that the collector may have read or not
   */
  closed(why: string, uncertain: number): void;
  /** A message without records for a collector that wants no more after so many data records of this session. */
  farewell(records: number): Uint8Array;
  /**
   * So many data records, the oldest of those that were sent and not yet settled, are out of its hands: the kernel took them,
   * or they are counted as lost. Also while it closes.
   */
  settled(records: number): void;
  /** It has closed, and so many data records, the last that were sent, have never left: they are counted as lost. */
  unsent(records: number): void;
}

/** Bytes to one collector. It knows boundaries of messages, and nothing of what is in them. */
export interface Transport {
  readonly endpoint: Endpoint;
  readonly counts: TransportCounts;
  /** Bytes of a message at most. */
  readonly limit: number;
  /** Templates must be sent again now and then (RFC 7011 section 8.1). */
  readonly unreliable: boolean;
  /** Messages are taken now. */
  readonly ready: boolean;
  /** Begins; tries until closed. @throws CtflowError CTFLOW_ADDRESS for a name that does not resolve at the start */
  open(listener: TransportListener): Promise<void>;
  /**
   * Sends messages that lie one after another; only while `ready`.
   * @param lengths two words a message: bytes, data records
   */
  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void;
  /**
   * What was sent in an earlier session and is still here, the oldest first: messages that were never handed over whole. They
   * are the caller's again, to be sent anew as part of the session that has begun.
   */
  unsent(): readonly Message[];
  /** Resolves when messages are taken again, at the end, or after this many milliseconds. */
  drained(timeoutMs: number): Promise<void>;
  /** Lets what was sent leave, for `graceMs` at most, and ends. */
  close(graceMs: number): Promise<void>;
}

/** Those who wait for a transport to take messages again. */
export class Waiters {
  readonly #waiting = new Set<() => void>();

  get count(): number {
    return this.#waiting.size;
  }

  wait(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  wake(): void {
    for (const done of this.#waiting) done();
  }
}

export function newCounts(): TransportCounts {
  return { messages: 0, records: 0, octets: 0, errors: {}, lostRecords: 0, uncertainRecords: 0, connects: 0 };
}
