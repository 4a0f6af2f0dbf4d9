import type { SocketEnd } from '../row/own-connections.js';
import { countError, recordsOf, type Message, type TransportCounts, type TransportListener } from './transport.js';

/** Called with the outcome of each message of a {@link DatagramSocket}. */
export interface DatagramListener {
  /** The system took messages with so many records and octets. */
  sent(messages: number, records: number, octets: number): void;
  /**
   * An ICMP error came back: messages that the system had taken did not arrive.
   * @param maybe data records of others that were sent beside them, and may not have arrived either
   */
  refused(errno: string, messages: readonly Message[], maybe: number): void;
  /**
   * The system does not take a message with so many records, for a reason of its own.
   * @returns whether the socket drops it and goes on; else it keeps it, and is to be closed
   */
  failed(errno: string, records: number): boolean;
  /** The kernel does not segment, or no more from now on: every datagram goes by itself. Nothing is lost by it. */
  unsegmented(errno: string): void;
  /** Few messages wait, or none. */
  ready(): void;
}

/** A UDP socket connected to one address. What the system does not take at once waits in it, in order. */
export interface DatagramSocket {
  /** Messages that wait. */
  readonly queued: number;
  /** Its own address; undefined once it is closed. */
  readonly local: SocketEnd | undefined;
  /** Octets of an IP packet that the path carries, as far as the system knows now; undefined where it does not say. */
  readonly pathMtu: number | undefined;
  /** It was opened to let the kernel cut bursts into datagrams. */
  readonly segments: boolean;
  /**
   * Sends messages that lie one after another, each as a datagram; the bytes are the caller's again when it returns.
   * @param lengths two words a message: bytes, data records
   */
  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void;
  /** Looks for errors that came back; the listener is called with them. */
  check(): void;
  /** @returns the messages that the system has not taken, the oldest first */
  close(): Promise<readonly Message[]>;
}

/** Where a collector is. */
export interface DatagramAddress {
  /** An IP address, with its zone where it has one. */
  readonly address: string;
  readonly family: number;
  readonly port: number;
  /** The end on this host, where it is fixed. */
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** Bursts leave as one buffer that the kernel cuts into datagrams, where it can (native; elsewhere each goes by itself). */
  readonly segment: boolean;
}

/** @throws an error with the errno's name as its `code` where no socket can be connected */
export type ConnectDatagram = (to: DatagramAddress, listener: DatagramListener) => Promise<DatagramSocket>;

/** Messages that may wait in a socket before a transport counts as not ready. */
export const QUEUE_LIMIT = 256;
/** Only this packet is lost; after any other error only a new socket may help. */
const PASSING = new Set(['EMSGSIZE', 'ENOBUFS', 'ENOMEM', 'EAGAIN']);

/** What a transport does about errors. */
export interface ErrorHandlers {
  /** Only a new socket may help. @param maybe as of {@link DatagramListener.refused} */
  broken(errno: string, maybe: number): void;
  /** A message did not arrive, and the next one may. */
  passed?(): void;
}

/** Counts what becomes of the messages of a socket, and reports it to the transport's listener. */
export function countDatagrams(
  counts: TransportCounts,
  listener: TransportListener,
  { broken, passed }: ErrorHandlers,
): Pick<DatagramListener, 'sent' | 'refused' | 'failed'> {
  return {
    sent(messages, records, octets) {
      counts.messages += messages;
      counts.records += records;
      counts.octets += octets;
      listener.settled(records);
    },
    refused(errno, messages, maybe) {
      counts.messages -= messages.length;
      counts.records -= recordsOf(messages);
      counts.octets -= messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
      counts.lostRecords += listener.undelivered(messages);
      listener.erred();
      countError(counts, errno);
      if (PASSING.has(errno)) passed?.();
      else broken(errno, maybe);
    },
    failed(errno, records) {
      countError(counts, errno);
      if (!PASSING.has(errno)) {
        broken(errno, 0);
        return false;
      }
      counts.lostRecords += records;
      listener.settled(records);
      listener.erred();
      return true;
    },
  };
}
