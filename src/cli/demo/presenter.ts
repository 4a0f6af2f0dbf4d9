import { isatty } from 'node:tty';
import { standardError, standardOutput } from '../../common/terminal/standard-streams.js';
import { LineLog } from './line-log.js';
import { LiveTable } from './live-table.js';
import { type DemoReport, formatReport } from './report.js';
import type { Snapshot } from './stage.js';

/** What the user sees: a live table on a terminal, lines elsewhere, or the bare report for programs. */
export class Presenter {
  /** Resolves when there is nobody to see it any more: the reader of the pipe or the terminal is gone. */
  readonly deserted: Promise<void>;
  readonly #json: boolean;
  readonly #output = standardOutput();
  readonly #table: LiveTable | undefined;
  readonly #lines: LineLog | undefined;

  constructor(json: boolean) {
    this.#json = json;
    this.deserted = this.#output.closed.catch(() => {});
    if (json) return;
    if (isatty(1)) this.#table = new LiveTable(process.stdout);
    else this.#lines = new LineLog(text => this.#output.write(text));
  }

  show(snapshot: Snapshot): void {
    this.#table?.show(snapshot);
    this.#lines?.show(snapshot);
  }

  /** On stderr, so that stdout is the demonstration's alone. */
  say(line: string): void {
    this.#table?.clear();
    standardError().write(`${line}\n`);
  }

  report(report: DemoReport): void {
    this.#output.write(this.#json ? `${JSON.stringify(report)}\n` : `\n${formatReport(report)}\n`);
    this.#output.flush();
  }

  /** Gives the terminal back. */
  end(): void {
    this.#table?.end();
  }
}
