import type { Batch } from '../../../src/row/batch.js';
import type { DumpSummary, Source } from '../../../src/sources/source.js';
import { rows, type Facts } from '../builders/rows.js';

/** What a dump of the fake does: shows connections, shows them without being whole, fails, or is the end of a replay. */
export type FakeDump =
  | { readonly connections: readonly Facts[]; readonly complete?: boolean; readonly skipped?: Record<string, number> }
  | { readonly fails: Error }
  | 'end';

/** A source that shows what the test says, one dump after another; the last one again and again. */
export class FakeSource implements Source {
  readonly kind: Source['kind'];
  /** Dumps that have begun. */
  dumps = 0;
  closed = false;
  /** A dump waits for it before it ends. */
  gate: Promise<unknown> = Promise.resolve();
  /** A dump waits so long before each batch. */
  pause: () => Promise<unknown> = () => Promise.resolve();
  /** Milliseconds of CPU that a dump takes. */
  cpu: number | undefined;
  readonly #script: FakeDump[];
  /** Connections a batch. */
  readonly #batch: number;

  constructor(script: readonly FakeDump[], kind: Source['kind'] = 'netlink', batch = 3) {
    this.#script = [...script];
    this.kind = kind;
    this.#batch = batch;
  }

  /** What the next dumps do. */
  next(...script: FakeDump[]): void {
    this.#script.splice(0, this.#script.length, ...script);
  }

  async dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary | undefined> {
    this.dumps++;
    const dump = this.#script.length > 1 ? this.#script.shift()! : this.#script[0];
    if (dump === 'end') return undefined;
    if ('fails' in dump) throw dump.fails;
    const { connections, complete = true, skipped = {} } = dump;
    const startedAt = Date.now();
    for (let from = 0; from < connections.length; from += this.#batch) {
      await this.pause();
      await onBatch(rows(...connections.slice(from, from + this.#batch)), Date.now());
    }
    await this.gate;
    return { startedAt, rows: connections.length, complete, skipped, ...(this.cpu !== undefined && { cpu: this.cpu }) };
  }

  sysctl(_name: string): string | undefined {
    return undefined;
  }

  setSysctl(): void {
    throw new Error('a fake has no settings');
  }

  close(): void {
    this.closed = true;
  }
}
