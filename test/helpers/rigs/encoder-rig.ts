import type { Backend } from '../../../src/backend/backend.js';
import { MessageBatch } from '../../../src/destination/message-batch.js';
import type { FlowExtras } from '../../../src/encoder/columns.js';
import {
  ENTRIES,
  ENTRY_WORDS,
  FULL,
  KIND,
  LAST,
  MESSAGES,
  MESSAGE_WORDS,
  NEXT,
  STOP,
  UNKNOWN,
  type EncoderTemplate,
  type FlowEncoder,
  type FlowEncoderOptions,
  type Names,
} from '../../../src/encoder/request.js';
import { ExportSlots } from '../../../src/schedule/export-state.js';
import type { ConnectionTable } from '../../../src/store/connection-table.js';
import { flowTable } from '../builders/flow-table.js';
import type { Facts } from '../builders/rows.js';

export const NO_NAMES: Names = { bytes: new Uint8Array(0), ends: new Uint32Array(0) };

/** A closed message: without its header, whose bytes nobody has written. */
export interface ClosedMessage {
  /** What stands behind the header and what was left free. */
  readonly data: Buffer;
  readonly records: number;
  readonly reserved: number;
}

export interface EncoderRigOptions extends Partial<
  Pick<FlowEncoderOptions, 'shapes' | 'details' | 'uniflows' | 'zeroDeltas' | 'journal'>
> {
  readonly extras?: FlowExtras;
  readonly names?: Names;
  readonly limit?: number;
  /** Bytes of the output, where it has not the usual ones. */
  readonly room?: number;
  /** How records of a kind are written; all by the same plan where it is absent. */
  readonly templates?: (kind: number) => readonly EncoderTemplate[];
  readonly plan?: Uint32Array;
}

/** An encoder on a table. What it closes is collected. */
export class EncoderRig {
  readonly slots: ExportSlots;
  readonly closed: MessageBatch;
  readonly encoder: FlowEncoder;
  readonly messages: ClosedMessage[] = [];
  readonly entries: number[][] = [];
  readonly #options: EncoderRigOptions;

  constructor(backend: Backend, table: ConnectionTable, options: EncoderRigOptions) {
    const { limit = 1_400, room, shapes = 0, details, uniflows = false, zeroDeltas = false, journal = -1 } = options;
    this.#options = options;
    this.slots = new ExportSlots(table.capacity);
    this.closed = new MessageBatch(limit);
    const bytes = room === undefined ? this.closed.bytes : this.closed.bytes.subarray(0, room);
    const { messages, entries, progress, oversize } = this.closed;
    this.encoder = backend.createEncoder({
      columns: table.columns(options.extras ?? {}),
      exported: this.slots.bytes,
      output: { bytes, messages, entries, progress, oversize },
      shapes,
      ...(details && { details }),
      uniflows,
      zeroDeltas,
      journal,
    });
  }

  /** Encodes these slots, and defines kinds that are met. @returns how many, before it found no room */
  encode(slots: readonly number[], reasons: readonly number[] = slots.map(() => 2), limit?: number): number {
    const { names = NO_NAMES, limit: usual = 1_400 } = this.#options;
    const { progress } = this.closed;
    const [list, why] = [Uint32Array.from(slots), Uint8Array.from(reasons)];
    for (let from = 0; ; from = progress[NEXT]) {
      this.encoder.encode(list, why, from, list.length, limit ?? usual, names);
      if (progress[STOP] !== UNKNOWN) return progress[NEXT];
      this.#define(progress[KIND]);
    }
  }

  get isFull(): boolean {
    return this.closed.progress[STOP] === FULL;
  }

  /** Collects what is closed. */
  collect(): this {
    const { bytes, messages, entries, progress } = this.closed;
    for (let message = 0, at = 0; message < progress[MESSAGES]; message++) {
      const [length, records, reserved] = messages.subarray(message * MESSAGE_WORDS);
      this.messages.push({ data: Buffer.from(bytes.slice(at + 16 + reserved, at + length)), records, reserved });
      at += length;
    }
    for (let entry = 0; entry < progress[ENTRIES]; entry++) {
      this.entries.push([...entries.subarray(entry * ENTRY_WORDS, (entry + 1) * ENTRY_WORDS)]);
    }
    this.closed.clear();
    return this;
  }

  /** Encodes all of these slots, whatever room there is, and closes. */
  all(slots: readonly number[], reasons?: readonly number[]): this {
    let rest = slots;
    let why = reasons;
    for (;;) {
      const done = this.encode(rest, why);
      if (done === rest.length) break;
      rest = rest.slice(done);
      why = why?.slice(done);
      this.collect();
    }
    while (!this.encoder.close()) this.collect();
    return this.collect();
  }

  #define(kind: number): void {
    const { plan, templates } = this.#options;
    this.encoder.define(kind, templates?.(kind) ?? [{ id: 256, plan: plan!, reserve: 0 }]);
  }
}

export { LAST };

/** The one data record of a connection, in hexadecimal. */
export function dataRecord(
  backend: Backend,
  facts: Facts,
  plan: readonly number[],
  options: EncoderRigOptions = {},
): string {
  const rig = new EncoderRig(backend, flowTable(facts), { ...options, plan: Uint32Array.from(plan) });
  const [{ data }] = rig.all([0]).messages;
  return data.subarray(4).toString('hex');
}
