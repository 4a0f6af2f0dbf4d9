import { getSystemErrorName } from 'node:util';
import type { UdpSender } from '../../native/binding.js';
import type { DatagramListener, DatagramSocket } from './datagram-socket.js';
import type { SocketEnd } from '../row/own-connections.js';
import { copyMessages, recordsOf, type Message } from './transport.js';

/** Milliseconds until a full send buffer is tried again. */
const AGAIN_MS = 1;
/** The send buffer is full, or the queue of the device. */
const FULL = new Set(['EAGAIN', 'ENOBUFS', 'ENOMEM']);
/** Bursts that are remembered after they were sent. */
const REMEMBERED = 4;

/** Messages that lie one after another, two words of lengths each. */
interface Burst {
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
}

/** What {@link NativeDatagram} needs of the native socket. */
export type Sender = Pick<UdpSender, 'send' | 'refused' | 'local' | 'pathMtu' | 'close'>;

/** A UDP socket in Rust: many messages a call, and the system has them when it returns, unless its send buffer is full. */
export class NativeDatagram implements DatagramSocket {
  readonly segments: boolean;
  readonly #sender: Sender;
  readonly #listener: DatagramListener;
  #waiting: Burst[] = [];
  /** Copies of what the system took last: an error that comes back is about them. */
  readonly #recent: Burst[] = [];
  /** Their memory, in the same order. */
  #copies: Uint8Array[] = [];
  /** Bytes of the largest burst so far: each copy has room for it, and is used again. */
  #largest = 0;
  #queued = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param open makes the native socket; what it throws has an errno, a number, as its code
   * @param segments the kernel is to cut bursts into datagrams
   */
  constructor(open: () => Sender, listener: DatagramListener, segments: boolean) {
    try {
      this.#sender = open();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw Object.assign(new Error(message), { code: errnoName(Number(code)) });
    }
    this.#listener = listener;
    this.segments = segments;
  }

  get local(): SocketEnd | undefined {
    return this.#sender.local() ?? undefined;
  }

  get pathMtu(): number | undefined {
    return this.#sender.pathMtu() ?? undefined;
  }

  get queued(): number {
    return this.#queued;
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    const pairs = lengths.subarray(0, messages * 2);
    const rest = this.#queued > 0 ? { bytes, lengths: pairs } : this.#offer(bytes, pairs);
    if (rest.lengths.length === 0) return;
    this.#queued += rest.lengths.length / 2;
    this.#waiting.push({ bytes: rest.bytes.slice(), lengths: rest.lengths.slice() });
    if (!this.#closed) this.#timer ??= setTimeout(this.#again, AGAIN_MS);
  }

  check(): void {
    if (this.#closed) return;
    const { refused, refusedErrno } = this.#sender.refused();
    this.#refused(refused, refusedErrno);
  }

  close(): Promise<readonly Message[]> {
    if (!this.#closed) this.#sender.close();
    this.#closed = true;
    clearTimeout(this.#timer);
    // a send that is under way puts its rest with them
    return Promise.resolve().then(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#queued = 0;
      return waiting.flatMap(({ bytes, lengths }) => copyMessages(bytes, lengths));
    });
  }

  /** @returns what the system does not take now */
  #offer(bytes: Uint8Array, lengths: Uint32Array): Burst {
    while (lengths.length > 0 && !this.#closed) {
      const { messages, errno, refused, refusedErrno, unsegmented } = this.#sender.send(bytes, lengths);
      if (unsegmented !== 0) this.#listener.unsegmented(errnoName(unsegmented));
      let octets = 0;
      let records = 0;
      for (let message = 0; message < messages; message++) {
        octets += lengths[message * 2];
        records += lengths[message * 2 + 1];
      }
      if (messages > 0) {
        this.#remember(bytes.subarray(0, octets), lengths.slice(0, messages * 2));
        this.#listener.sent(messages, records, octets);
      }
      bytes = bytes.subarray(octets);
      lengths = lengths.subarray(messages * 2);
      this.#refused(refused, refusedErrno);
      if (errno === 0) continue;
      const name = errnoName(errno);
      if (FULL.has(name)) break;
      const [length, count] = lengths;
      if (!this.#listener.failed(name, count)) break;
      bytes = bytes.subarray(length);
      lengths = lengths.subarray(2);
    }
    return { bytes, lengths };
  }

  #remember(bytes: Uint8Array, lengths: Uint32Array): void {
    this.#largest = Math.max(this.#largest, bytes.length);
    let copy = this.#copies.length < REMEMBERED ? undefined : this.#copies.shift();
    if (copy) this.#recent.shift();
    if (!copy || copy.length < bytes.length) copy = new Uint8Array(this.#largest);
    copy.set(bytes);
    this.#copies.push(copy);
    this.#recent.push({ bytes: copy.subarray(0, bytes.length), lengths });
  }

  /** @param count messages, back from the last one */
  #refused(count: number, errno: number): void {
    if (count === 0) return;
    const messages = this.#recent.splice(0).flatMap(({ bytes, lengths }) => copyMessages(bytes, lengths));
    this.#copies = [];
    const refused = messages.splice(Math.max(messages.length - count, 0));
    const maybe = recordsOf(messages);
    this.#listener.refused(errnoName(errno), refused, maybe);
  }

  readonly #again = (): void => {
    this.#timer = undefined;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      const rest = this.#offer(first.bytes, first.lengths);
      this.#queued -= (first.lengths.length - rest.lengths.length) / 2;
      if (rest.lengths.length > 0) {
        this.#waiting[0] = rest;
        if (!this.#closed) this.#timer = setTimeout(this.#again, AGAIN_MS);
        return;
      }
      this.#waiting.shift();
    }
    this.#listener.ready();
  };
}

/** As in Node's errors: EIO for 5. */
export function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : 'UNKNOWN';
}
