import { getSystemErrorName } from 'node:util';
import type { UdpSender } from '../../native/binding.js';
import type { DatagramListener, DatagramSocket } from './datagram-socket.js';

/** Milliseconds until a full send buffer is tried again. */
const AGAIN_MS = 1;

/** Messages that the system did not take at once. */
interface Waiting {
  bytes: Uint8Array;
  lengths: Uint32Array;
}

/** What {@link NativeDatagram} needs of the native socket. */
export type Sender = Pick<UdpSender, 'send' | 'close'>;

/** A UDP socket in Rust: many messages a call, and the system has them when it returns, unless its send buffer is full. */
export class NativeDatagram implements DatagramSocket {
  readonly #sender: Sender;
  readonly #listener: DatagramListener;
  readonly #waiting: Waiting[] = [];
  #queued = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param open makes the native socket; what it throws has an errno, a number, as its code */
  constructor(open: () => Sender, listener: DatagramListener) {
    try {
      this.#sender = open();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw Object.assign(new Error(message), { code: errnoName(Number(code)) });
    }
    this.#listener = listener;
  }

  get queued(): number {
    return this.#queued;
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    const pairs = lengths.subarray(0, messages * 2);
    const rest = this.#queued > 0 ? { bytes, lengths: pairs } : this.#offer(bytes, pairs);
    if (!rest || this.#closed) return;
    this.#queued += rest.lengths.length / 2;
    this.#waiting.push({ bytes: rest.bytes.slice(), lengths: rest.lengths.slice() });
    this.#timer ??= setTimeout(this.#again, AGAIN_MS);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queued = 0;
    this.#sender.close();
    for (const { lengths } of this.#waiting.splice(0)) this.#lose('ECANCELED', lengths);
  }

  /** @returns what the system does not take now */
  #offer(bytes: Uint8Array, lengths: Uint32Array): Waiting | undefined {
    while (lengths.length > 0) {
      const { messages, errno } = this.#sender.send(bytes, lengths);
      let octets = 0;
      let records = 0;
      for (let message = 0; message < messages; message++) {
        octets += lengths[message * 2];
        records += lengths[message * 2 + 1];
      }
      if (messages > 0) this.#listener.sent(messages, records, octets);
      bytes = bytes.subarray(octets);
      lengths = lengths.subarray(messages * 2);
      if (errno === 0) return undefined;
      const name = errnoName(errno);
      if (name === 'EAGAIN') return { bytes, lengths };
      const [length, refused] = lengths;
      if (!this.#listener.failed(name, refused)) {
        this.#lose(name, lengths.subarray(2));
        this.close();
        return undefined;
      }
      bytes = bytes.subarray(length);
      lengths = lengths.subarray(2);
    }
    return undefined;
  }

  #lose(errno: string, lengths: Uint32Array): void {
    for (let message = 0; message < lengths.length; message += 2) this.#listener.failed(errno, lengths[message + 1]);
  }

  readonly #again = (): void => {
    this.#timer = undefined;
    for (let first = this.#waiting.shift(); first; first = this.#waiting.shift()) {
      const rest = this.#offer(first.bytes, first.lengths);
      if (this.#closed) return;
      this.#queued -= (first.lengths.length - (rest?.lengths.length ?? 0)) / 2;
      if (rest) {
        this.#waiting.unshift(rest);
        this.#timer = setTimeout(this.#again, AGAIN_MS);
        return;
      }
    }
    this.#listener.ready();
  };
}

function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : 'UNKNOWN';
}
