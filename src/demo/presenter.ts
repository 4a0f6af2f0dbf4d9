import { LineLog } from './line-log.js';
import { LiveTable } from './live-table.js';
import { type DemoReport, formatReport } from './report.js';
import type { Snapshot } from './stage.js';

/** What the user sees: a live table on a terminal, lines elsewhere, or the bare report for programs. */
export class Presenter {
  readonly #json: boolean;
  readonly #table: LiveTable | undefined;
  readonly #lines: LineLog | undefined;

  constructor(json: boolean) {
    this.#json = json;
    if (json) return;
    if (process.stdout.isTTY) this.#table = new LiveTable(process.stdout);
    else this.#lines = new LineLog(text => process.stdout.write(text));
  }

  show(snapshot: Snapshot): void {
    this.#table?.show(snapshot);
    this.#lines?.show(snapshot);
  }

  /** On stderr, so that stdout is the demonstration's alone. */
  say(line: string): void {
    this.#table?.clear();
    process.stderr.write(`${line}\n`);
  }

  report(report: DemoReport): void {
    process.stdout.write(this.#json ? `${JSON.stringify(report)}\n` : `\n${formatReport(report)}\n`);
  }

  /** Gives the terminal back. */
  end(): void {
    this.#table?.end();
  }
}
