import { FlowColumns } from './flow-columns.js';
import { title, totals } from './live-table.js';
import type { Snapshot } from './stage.js';

/** Wide enough for the column of NAT. */
const WIDTH = 132;

/** The lines for a snapshot where output is no terminal: what is new, and the totals. */
export class LineLog {
  readonly #write: (text: string) => void;
  #columns: FlowColumns | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  show(snapshot: Snapshot): void {
    if (!this.#columns) {
      this.#columns = new FlowColumns(WIDTH, snapshot.fresh);
      this.#write(`${title(snapshot)}\n\n${this.#columns.header()}\n`);
    }
    for (const flow of snapshot.fresh) for (const row of this.#columns.rows(flow)) this.#write(`${row}\n`);
    this.#write(`[${Math.round(snapshot.elapsed / 1000)} s] ${totals(snapshot)}\n`);
  }
}
