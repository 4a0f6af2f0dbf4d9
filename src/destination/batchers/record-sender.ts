import {
  ENTRIES,
  FULL,
  KIND,
  MESSAGES,
  NEXT,
  STOP,
  UNKNOWN,
  type FlowEncoder,
  type FlowEncoderOptions,
} from '../../encoder/request.js';
import type { EntryBlock } from '../../state/entry-block.js';
import { MessageBatch } from '../message-batch.js';
import type { Session } from '../session.js';

/** The journal as batches of records are written to it. */
export interface BatchJournal {
  readonly number: number;
  /** This batch is about to be sent. @param sent data records that the transport was given before it */
  sending(entries: EntryBlock, sent: number): void;
  /** The transport has the batch. @param sent data records that it was given up to now */
  sent(sent: number): void;
}

/** The open messages of records of one kind on their way to one collector. */
export class RecordSender {
  readonly #session: Session;
  readonly #journal: BatchJournal | undefined;
  readonly #encoder: FlowEncoder;
  /** Messages that are closed. */
  readonly #closed: MessageBatch;
  /** Records were encoded since all messages were closed. */
  #open = false;

  /** @param journal where there is a state file */
  constructor(
    session: Session,
    encoder: Pick<FlowEncoderOptions, 'columns' | 'exported' | 'zeroDeltas'>,
    journal: BatchJournal | undefined,
  ) {
    this.#session = session;
    this.#journal = journal;
    this.#closed = new MessageBatch(session.largest);
    this.#encoder = session.createEncoder({ ...encoder, output: this.#closed, journal: journal?.number ?? -1 });
  }

  /** @returns how many of the slots are done: where the session takes no more, the others are as they were */
  encode(slots: Uint32Array, reasons: Uint8Array, count: number): number {
    const { progress } = this.#closed;
    for (let from = 0; ;) {
      this.#encoder.encode(slots, reasons, from, count, this.#session.limit, this.#session.names);
      if (progress[NEXT] > from) this.#open = true;
      from = progress[NEXT];
      if (progress[STOP] === UNKNOWN) this.#session.define(this.#encoder, progress[KIND]);
      else if (progress[STOP] !== FULL) return from;
      else {
        this.#send();
        if (!this.#session.ready) return from;
      }
    }
  }

  /** Sends all that was encoded. */
  closeAll(): void {
    while (!this.#encoder.close()) this.#send();
    this.#send();
    this.#open = false;
  }

  /** Sends what was encoded, where the session takes it. @returns whether nothing is left */
  tryCloseAll(): boolean {
    if (this.#open && this.#session.ready) this.closeAll();
    return !this.#open;
  }

  /** Forgets the records that wait. @returns how many data records */
  drop(): number {
    let dropped = 0;
    for (let all = false; !all;) {
      all = this.#encoder.close();
      dropped += this.#session.lose(this.#closed.take());
    }
    this.#open = false;
    return dropped;
  }

  #send(): void {
    const closed = this.#closed;
    this.#session.addOversize(closed);
    if (closed.progress[MESSAGES] === 0 && closed.progress[ENTRIES] === 0) return;
    const outgoing = closed.outgoing(this.#session.segments);
    if (outgoing.count > 0) this.#session.prepare();
    this.#journal?.sending(closed.takeEntries(), this.#session.sent);
    this.#session.send(outgoing);
    closed.clear();
    this.#journal?.sent(this.#session.sent);
  }
}
