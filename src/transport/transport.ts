import type { DestinationEndpoint } from '../common/destination-endpoint.js';

/** What a transport has done; every loss has its reason. */
export interface TransportCounts {
  messages: number;
  records: number;
  octets: number;
  /** Sends that the socket refused, or that the file did not take, by errno name. */
  errors: Record<string, number>;
  /** Flow records that are known not to have arrived: UDP at an error that came back, and what was not sent at the very end. */
  lostRecords: number;
  /** Records that the kernel took and the collector may not have read: of broken connections, and of UDP beside one that did not arrive. */
  uncertainRecords: number;
  /** Sessions that were opened; files that were begun. */
  connects: number;
}

/** One message and how many data records it holds. */
export interface Message {
  readonly bytes: Uint8Array;
  readonly records: number;
}

/**
 * Copies messages that stand one behind another: the caller fills the buffer again at once.
 * @param lengths octets and records of each
 */
export function copyMessages(bytes: Uint8Array, lengths: Uint32Array, messages = lengths.length / 2): Message[] {
  const copies: Message[] = [];
  for (let i = 0, at = 0; i < messages; i++) {
    const end = at + lengths[i * 2];
    copies.push({ bytes: bytes.slice(at, end), records: lengths[i * 2 + 1] });
    at = end;
  }
  return copies;
}

/** Called for a session; after close() only `settled` and `lost`, and `opened` for a file that was being begun. */
export interface TransportListener {
  /** A transport session is open: templates and sequence numbers start anew. */
  opened(): void;
  /**
   * It ended; the transport tries to open another.
   * @param uncertain data records of it that the collector may or may not have read
   */
  closed(why: string, uncertain: number): void;
  /** A message without sets, after so many data records of this session. */
  emptyMessage(records: number): Uint8Array;
  /**
   * So many data records, the oldest that are not yet settled, were taken by the kernel or are counted as lost.
   */
  settled(records: number): void;
  /** A message with a template that was sent before, which tells a collector nothing new; undefined where none was. */
  probe(): Uint8Array | undefined;
  /** UDP: something did not arrive, or was not sent. */
  erred(): void;
  /** UDP: the kernel cuts no bursts into datagrams, or no more from now on, for this reason. Nothing is lost by it. */
  unsegmented(why: string): void;
  /** Messages that the kernel had taken, and that did not arrive. @returns how many flow records they have */
  undelivered(messages: readonly Message[]): number;
  /** It has closed, and the last messages were never sent. @returns how many flow records they have */
  lost(messages: readonly Message[]): number;
}

/** Sends messages to one collector. It knows where they end, and nothing of what is in them. */
export interface Transport {
  readonly endpoint: DestinationEndpoint;
  readonly counts: TransportCounts;
  /** Bytes of a message at most, now. */
  readonly limit: number;
  /** The same in every session, where that may be more. */
  readonly largest?: number;
  /** Templates must be sent again now and then (RFC 7011 section 8.1). */
  readonly unreliable: boolean;
  /** Messages are taken now. */
  readonly ready: boolean;
  /** UDP: the kernel cuts bursts into datagrams, as far as it is known now. */
  readonly segments?: boolean;
  /** TLS and DTLS: when the certificate expires that the collector showed last, milliseconds since 1970. */
  readonly collectorExpires?: number | undefined;
  /** Connects, again and again until it is closed. */
  open(listener: TransportListener): Promise<void>;
  /**
   * Sends messages that lie one after another; only while `ready`.
   * @param lengths two words a message: bytes, data records
   */
  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void;
  /**
   * Messages of an earlier session that the kernel did not take whole, the oldest first. They are the caller's again, to be sent in
   * the new session.
   */
  takeBack(): readonly Message[];
  /** Without a session, tries at once to open one. Resolves when it is open, when that has failed, or after so many milliseconds. */
  tryNow(timeoutMs: number): Promise<void>;
  /** Resolves when it is ready, when it is closed, or after so many milliseconds. */
  untilReady(timeoutMs: number): Promise<void>;
  /**
   * Sends what waits, closes the session in order and opens another at once. Where templates go out once a session, as a clock that was
   * put back is right in the next one.
   */
  renew?(why: string): void;
  /** TLS and DTLS: renews the session where its files have changed. */
  renewWithFiles?(): void;
  /** Sends what waits, for `graceMs` at most, and closes. */
  close(graceMs: number): Promise<void>;
}

/** What a session needs of it. */
export type SessionTransport = Pick<
  Transport,
  'limit' | 'largest' | 'unreliable' | 'ready' | 'segments' | 'send' | 'takeBack' | 'renew'
>;

/** Why a session is renewed whose messages have a time that is not over yet. */
export const CLOCK_BACK = 'the clock was put back';

/** Callers that wait for a transport to be ready. */
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

/** @returns the reason */
export function countError({ errors }: TransportCounts, reason: string): string {
  const name = reason || 'UNKNOWN';
  errors[name] = (errors[name] ?? 0) + 1;
  return name;
}

/** Data records of messages. */
export function recordsOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { records }) => sum + records, 0);
}

export function newCounts(): TransportCounts {
  return { messages: 0, records: 0, octets: 0, errors: {}, lostRecords: 0, uncertainRecords: 0, connects: 0 };
}
