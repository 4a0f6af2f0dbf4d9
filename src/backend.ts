import type { EndsPlace } from '../native/binding.js';
import type { ConnectionFilter } from './filter.js';
import type { EventReceiver, EventSource } from './sources/events.js';
import type { NflogReceiver, NflogSource } from './sources/nflog.js';
import type { Source } from './sources/source.js';
import type { ConnectDatagram } from './transports/datagram-socket.js';

/** The counts of one call of {@link Backend.decode}; what is not in a row is in one of the others. */
export interface Decoded {
  /** Rows written. */
  rows: number;
  /** Bytes used up; less than given when the rows were full or the last message was cut. */
  consumed: number;
  /** Connections that the filter took out. */
  filtered: number;
  /** Messages or entries that could not be read, or lacked a tuple. */
  malformed: number;
  /** Messages that are no conntrack entry (NLMSG_NOOP, another subsystem). */
  ignored: number;
  /** NLMSG_DONE was read. */
  done: boolean;
  /** NLM_F_DUMP_INTR stood in a message: the table changed under the dump. */
  interrupted: boolean;
  /** errno of an NLMSG_ERROR or a failed NLMSG_DONE, positive; 0 where there was none. */
  error: number;
}

/** What goes into a message header, RFC 7011 section 3.1. */
export interface MessageHeader {
  /** Seconds since 1970. */
  exportTime: number;
  /** Data records sent before the first message of this call, modulo 2^32. */
  sequence: number;
  observationDomain: number;
}

export interface EncodeRequest extends MessageHeader {
  /** Compiled template, instructions of INSTRUCTION_WORDS words. */
  plan: Uint32Array;
  templateId: number;
  /** Records of RECORD_SIZE bytes. */
  records: Uint8Array;
  /** First record to encode. */
  from: number;
  /** One past the last. */
  to: number;
  /** Names by number, see NameTable: UTF-8, and where each ends. */
  names: Uint8Array;
  nameEnds: Uint32Array;
  /** Sets that stand before the data set in the first message (templates), whole with their set headers; may be empty. */
  prefix: Uint8Array;
  /** Bytes of a message at most, 65535 at the most. */
  limit: number;
  /** Where the messages go, one after another. */
  out: Uint8Array;
  /** Two words a message: bytes, data records. Encoding stops when it is full. */
  lengths: Uint32Array;
}

export interface Encoded {
  /** Messages written, the first at the start of `out`. */
  messages: number;
  /** One past the last record that was encoded or passed over. */
  next: number;
  /** Records passed over because no message of `limit` bytes can hold them. */
  oversize: number;
}

/**
 * The work that exists twice: in Rust and in TypeScript, with the same bytes. Nothing here knows a clock, a socket to a
 * collector or a timeout.
 */
export interface Backend {
  readonly name: 'native' | 'fallback';
  /**
   * Decodes netlink messages of a conntrack dump into rows.
   * @param littleEndian byte order of netlink's own headers and host-order payloads in `netlink`
   * @param words see filterWords
   */
  decode(netlink: Uint8Array, littleEndian: boolean, words: Uint32Array, rows: Uint8Array): Decoded;
  /** Encodes records into as many IPFIX messages as fit. Pure. */
  encode(request: EncodeRequest): Encoded;
  /** The kernel's table, live: netlink for native, procfs for the fallback. */
  openKernel(options: KernelOptions): Source;
  /**
   * Conntrack events, live.
   * @throws CtflowError CTFLOW_BACKEND_LACKS in the fallback
   */
  openEvents(options: EventOptions, receiver: EventReceiver): EventSource;
  /**
   * Packets that rules have logged to NFLOG groups, live.
   * @throws CtflowError CTFLOW_BACKEND_LACKS in the fallback
   */
  openNflog(options: NflogOptions, receiver: NflogReceiver): NflogSource;
  /**
   * Lets the kernel take no more for a TCP socket while it holds this many octets that it has not sent once.
   * @returns false where that cannot be had: in the fallback, and where `fd` is no TCP socket
   */
  limitUnsent(fd: number, octets: number): boolean;
  /** Makes UDP sockets: native sends many messages a call, the fallback is Node's. */
  readonly connectDatagram: ConnectDatagram;
}

export interface KernelOptions {
  filter: ConnectionFilter;
  /** Name under /run/netns or a path; only native can enter one. */
  netns?: string;
}

/** A row of {@link EventSource} is of one of these. */
export type EventKind = 'new' | 'update' | 'destroy';

export interface EventOptions extends KernelOptions {
  kinds: readonly EventKind[];
  /** Bytes wanted; above net.core.rmem_max it takes CAP_NET_ADMIN over the initial user namespace, else less is given. */
  receiveBuffer: number;
  /** For `destroy` alone: what does not fit is delivered again, see {@link EventSource.setBroadcastError}. */
  broadcastError: boolean;
  /** Where rows are written down before they are delivered. */
  ends?: EndsPlace;
}

/** Of the filter, family and protocols are tested: a packet has no zone, no connection mark and no state. */
export interface NflogOptions extends KernelOptions {
  /** Numbers of 16 bits; each has one reader at most. */
  groups: readonly number[];
  /** As {@link EventOptions.receiveBuffer}. */
  receiveBuffer: number;
}
