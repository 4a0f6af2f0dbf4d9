import {
  ENTRIES,
  MESSAGES,
  MESSAGE_WORDS,
  OVERSIZE_WORDS,
  PROGRESS_WORDS,
  USED,
  type EncoderOutput,
} from '../encoder/request.js';
import { MESSAGE_HEADER, setIdOf } from '../ipfix/message.js';
import { ENTRY_WORDS, EntryBlock, HEAD_WORDS, MOST_ENTRIES } from '../state/entry-block.js';
import type { Message } from '../transport/transport.js';

/** Messages that are sent in one go. */
const MOST_MESSAGES = 64;
/** Templates whose records that no message can hold are counted each by itself. */
const MOST_OVERSIZE = 64;

/** Messages on their way to the transport, one behind another. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  /** Three words a message: see EncoderOutput.messages. */
  readonly messages: Uint32Array;
  readonly count: number;
}

/** A closed message: where its bytes and its journal entries begin. */
interface Closed {
  readonly message: number;
  readonly at: number;
  readonly entry: number;
}

/** Messages that an encoder has closed and that wait to be sent, with their journal entries. */
export class MessageBatch implements EncoderOutput {
  readonly bytes: Uint8Array;
  readonly messages = new Uint32Array(MOST_MESSAGES * MESSAGE_WORDS);
  readonly entries: Uint32Array;
  readonly progress = new Uint32Array(PROGRESS_WORDS);
  readonly oversize = new Float64Array(MOST_OVERSIZE * OVERSIZE_WORDS);
  readonly #block = new EntryBlock(MOST_ENTRIES);
  /** The messages in another order. */
  readonly #ordered: { readonly bytes: Uint8Array; readonly messages: Uint32Array };

  /** @param largest bytes of a message at most */
  constructor(largest: number) {
    this.bytes = new Uint8Array(MOST_MESSAGES * largest);
    this.#ordered = { bytes: new Uint8Array(this.bytes.length), messages: new Uint32Array(this.messages.length) };
    this.entries = this.#block.words.subarray(HEAD_WORDS, HEAD_WORDS + MOST_ENTRIES * ENTRY_WORDS);
  }

  /**
   * The messages as they are to be sent. They stay until clear().
   * @param grouped those of one template behind one another, with their entries: messages of one length can go in one datagram
   * that the kernel segments
   */
  outgoing(grouped: boolean): Outgoing {
    const count = this.progress[MESSAGES];
    const order = grouped && count > 2 ? this.#byTemplate(count) : undefined;
    if (!order) return { bytes: this.bytes, messages: this.messages, count };
    const { bytes, messages } = this.#ordered;
    let to = 0;
    for (const [place, { message, at }] of order.entries()) {
      const from = message * MESSAGE_WORDS;
      const length = this.messages[from];
      for (let word = 0; word < MESSAGE_WORDS; word++)
        messages[place * MESSAGE_WORDS + word] = this.messages[from + word];
      bytes.set(this.bytes.subarray(at, at + length), to);
      to += length;
    }
    this.#orderEntries(order);
    return { bytes, messages, count };
  }

  /** The entries, for the journal; none are left. */
  takeEntries(): EntryBlock {
    this.#block.count = this.progress[ENTRIES];
    this.progress[ENTRIES] = 0;
    return this.#block;
  }

  /** The messages, without a header; nothing is left. */
  take(): Message[] {
    const messages: Message[] = [];
    for (let message = 0, at = 0; message < this.progress[MESSAGES]; message++) {
      const [length, records, reserved] = this.messages.subarray(message * MESSAGE_WORDS);
      messages.push({ bytes: this.bytes.subarray(at + reserved, at + length), records });
      at += length;
    }
    this.clear();
    return messages;
  }

  /** Nothing waits. */
  clear(): void {
    this.progress[MESSAGES] = 0;
    this.progress[USED] = 0;
    this.progress[ENTRIES] = 0;
  }

  /** Closed messages grouped by template, in the order in which they came; undefined where they lie so. */
  #byTemplate(count: number): Closed[] | undefined {
    const groups = new Map<number, Closed[]>();
    let runs = 0;
    let before = -1;
    let group: Closed[] = [];
    for (let message = 0, at = 0, entry = 0; message < count; message++) {
      const word = message * MESSAGE_WORDS;
      const id = setIdOf(this.bytes, at + MESSAGE_HEADER + this.messages[word + 2]);
      if (id !== before) {
        runs++;
        before = id;
        group = groups.get(id) ?? [];
        groups.set(id, group);
      }
      group.push({ message, at, entry });
      at += this.messages[word];
      entry += this.messages[word + 1];
    }
    return runs === groups.size ? undefined : [...groups.values()].flat();
  }

  /** Entries can be matched with records where each record has one: there they have the same order. */
  #orderEntries(order: readonly Closed[]): void {
    const count = this.progress[ENTRIES];
    const recordsOf = ({ message }: Closed): number => this.messages[message * MESSAGE_WORDS + 1];
    if (count === 0 || count !== order.reduce((sum, closed) => sum + recordsOf(closed), 0)) return;
    const before = this.entries.slice(0, count * ENTRY_WORDS);
    let to = 0;
    for (const closed of order) {
      const from = closed.entry * ENTRY_WORDS;
      const entries = before.subarray(from, from + recordsOf(closed) * ENTRY_WORDS);
      this.entries.set(entries, to);
      to += entries.length;
    }
  }
}
