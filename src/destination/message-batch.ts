import { ENTRIES, MESSAGES, MESSAGE_WORDS, PROGRESS_WORDS, USED, type EncoderOutput } from '../encoder/request.js';
import { ENTRY_WORDS, EntryBlock, HEAD_WORDS, MOST_ENTRIES } from '../state/entry-block.js';
import type { Message } from '../transport/transport.js';

/** Messages that are sent in one go. */
const MOST_MESSAGES = 64;

/** Messages that an encoder has closed and that wait to be sent, with their journal entries. */
export class MessageBatch implements EncoderOutput {
  readonly bytes: Uint8Array;
  readonly messages = new Uint32Array(MOST_MESSAGES * MESSAGE_WORDS);
  readonly entries: Uint32Array;
  readonly progress = new Uint32Array(PROGRESS_WORDS);
  readonly oversize = new Float64Array(3);
  readonly #block = new EntryBlock(MOST_ENTRIES);

  /** @param largest bytes of a message at most */
  constructor(largest: number) {
    this.bytes = new Uint8Array(MOST_MESSAGES * largest);
    this.entries = this.#block.words.subarray(HEAD_WORDS, HEAD_WORDS + MOST_ENTRIES * ENTRY_WORDS);
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
}
