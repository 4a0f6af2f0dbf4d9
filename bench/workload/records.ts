import type { Backend } from '../../src/backend/backend.js';
import { MessageBatch } from '../../src/destination/message-batch.js';
import type { FlowExtras } from '../../src/encoder/columns.js';
import { FULL, KIND, MESSAGES, NEXT, STOP, UNKNOWN, type FlowEncoder, type Names } from '../../src/encoder/request.js';
import { detailWords } from '../../src/ipfix/details.js';
import type { Profile } from '../../src/ipfix/profile.js';
import { compilePlan } from '../../src/ipfix/template.js';
import type { Batch } from '../../src/row/batch.js';
import { ROW_WORDS } from '../../src/row/layout.generated.js';
import { DueSlots } from '../../src/schedule/due-slots.js';
import { ExportSlots } from '../../src/schedule/export-state.js';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { ACTIVE_TIMEOUT } from '../../src/store/end-reason.js';
import { EPOCH } from './connections.js';

const FIRST_TEMPLATE = 256;
const NO_NAMES: Names = { bytes: new Uint8Array(0), ends: new Uint32Array(1) };

/** What is known of all connections, beside their rows. */
export interface Known {
  readonly extras: FlowExtras;
  readonly names: Names;
}

/** A store's table that is encoded again and again, by one backend. */
export class EncodedTable {
  readonly rows: Uint8Array;
  readonly #encoder: FlowEncoder;
  readonly #closed: MessageBatch;
  readonly #profile: Profile;
  readonly #limit: number;
  readonly #slots: Uint32Array;
  readonly #reasons: Uint8Array;
  readonly #names: Names;
  #templates = 0;
  readonly #step = new DueSlots().slots.length;

  /** @param limit bytes of a message at most */
  constructor(backend: Backend, rows: readonly Batch[], profile: Profile, limit: number, known?: Known) {
    const connections = rows.reduce((sum, batch) => sum + batch.count, 0);
    const table = new ConnectionTable(connections);
    for (const { u32, count } of rows) {
      for (let i = 0; i < count; i++) {
        const slot = table.allocate(u32, i * ROW_WORDS);
        table.setStartMs(slot, EPOCH);
        table.setEndMs(slot, EPOCH + 5_000);
      }
    }
    this.rows = table.bytes;
    this.#profile = profile;
    this.#limit = limit;
    this.#names = known?.names ?? NO_NAMES;
    this.#slots = Uint32Array.from({ length: connections }, (_, slot) => slot);
    this.#reasons = new Uint8Array(connections).fill(ACTIVE_TIMEOUT);
    this.#closed = new MessageBatch(limit);
    this.#encoder = backend.createEncoder({
      columns: table.columns(known?.extras ?? {}),
      exported: new ExportSlots(connections).bytes,
      output: this.#closed,
      shapes: profile.shapes,
      details: detailWords(profile.details),
      uniflows: false,
      zeroDeltas: false,
      journal: -1,
    });
  }

  /** Encodes every connection once, as many at a time as a destination. @param take gets messages; @returns records */
  encode(take: (closed: MessageBatch) => void): number {
    const { progress } = this.#closed;
    let records = 0;
    const flush = (): void => {
      take(this.#closed);
      for (let message = 0; message < progress[MESSAGES]; message++) records += this.#closed.messages[message * 3 + 1];
      this.#closed.clear();
    };
    for (let from = 0; from < this.#slots.length; from = progress[NEXT]) {
      const to = Math.min(from + this.#step, this.#slots.length);
      this.#encoder.encode(this.#slots, this.#reasons, from, to, this.#limit, this.#names);
      if (progress[STOP] === FULL) flush();
      else if (progress[STOP] === UNKNOWN) this.#define(progress[KIND]);
    }
    while (!this.#encoder.close()) flush();
    flush();
    return records;
  }

  #define(shape: number): void {
    const plan = compilePlan(this.#profile.fieldsOf(shape));
    this.#encoder.define(shape, [{ id: FIRST_TEMPLATE + this.#templates++, plan, reserve: 0 }]);
  }
}
