import { MESSAGE_HEADER } from '../ipfix/message.js';
import { headerFault, messageLength } from './decode/decode.js';
import type { MalformedReason } from './stats.js';

const PREFIX_LENGTH = 4; // version and length

/**
 * Cuts a TCP stream into messages (RFC 7011 section 10.4). Keeps at most the one message that is incomplete.
 */
export class MessageFramer {
  readonly #prefix = new Uint8Array(PREFIX_LENGTH);
  /** The incomplete message; undefined while its length is not known. */
  #message: Uint8Array | undefined;
  #have = 0;

  /** A message has begun and not ended. */
  get incomplete(): boolean {
    return this.#have > 0;
  }

  /**
   * Takes the next octets of the stream. Messages that lie whole in a chunk are handed over as views of it.
   * @returns why the stream is no IPFIX; what follows cannot be read
   */
  push(chunk: Uint8Array, onMessage: (bytes: Uint8Array) => void): MalformedReason | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#have === 0 && chunk.length - at >= MESSAGE_HEADER) {
        const head = chunk.subarray(at, at + PREFIX_LENGTH);
        const fault = headerFault(head);
        if (fault !== undefined) return fault;
        const length = messageLength(head);
        if (chunk.length - at >= length) {
          onMessage(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
      }
      at += this.#take(chunk, at);
      if (this.#message === undefined && this.#have === PREFIX_LENGTH) {
        const fault = headerFault(this.#prefix);
        if (fault !== undefined) return fault;
        this.#message = new Uint8Array(messageLength(this.#prefix));
        this.#message.set(this.#prefix);
      }
      if (this.#message !== undefined && this.#have === this.#message.length) {
        const message = this.#message;
        this.#message = undefined;
        this.#have = 0;
        onMessage(message);
      }
    }
    return undefined;
  }

  /** Copies what is wanted next, returns how many octets. */
  #take(chunk: Uint8Array, at: number): number {
    const target = this.#message ?? this.#prefix;
    const count = Math.min(target.length - this.#have, chunk.length - at);
    target.set(chunk.subarray(at, at + count), this.#have);
    this.#have += count;
    return count;
  }
}
