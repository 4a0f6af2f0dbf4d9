import { isatty } from 'node:tty';
import type { CollectedRecord } from '../../collector/decode/record.js';
import { CSV_HEADER, recordToCsv } from '../../collector/formats/csv.js';
import { IpfixFile } from '../../collector/formats/ipfix-file.js';
import { recordToJson } from '../../collector/formats/json.js';
import { CtflowError } from '../../common/errors.js';
import type { LineOutput } from '../../common/terminal/line-output.js';
import { CollectedTable } from './table.js';

export const COLLECT_FORMATS = ['table', 'json', 'csv', 'ipfix'] as const;
export type CollectFormat = (typeof COLLECT_FORMATS)[number];

/** Prints collected records. */
export interface CollectPrinter {
  print(record: CollectedRecord): void;
  /** There are no more. */
  end(): void;
}

/** @throws CtflowError CTFLOW_USAGE where the output cannot take the format */
export function collectPrinter(format: CollectFormat, output: LineOutput): CollectPrinter {
  if (format === 'ipfix') return new IpfixPrinter(output);
  if (format === 'csv') output.write(CSV_HEADER);
  const text = { table: tableLines, json: () => jsonLine, csv: () => csvLine }[format]();
  return { print: record => output.write(text(record)), end: () => {} };
}

class IpfixPrinter implements CollectPrinter {
  readonly #file: IpfixFile;
  #pending = false;

  constructor(output: LineOutput) {
    if (isatty(1)) {
      throw new CtflowError(
        'CTFLOW_USAGE',
        'An IPFIX file is binary, and standard output is a terminal',
        'Write it into a file (> FILE) or a pipe, or use --format table',
      );
    }
    this.#file = new IpfixFile(message => output.write(message));
  }

  print(record: CollectedRecord): void {
    if (!this.#pending) setImmediate(() => this.end());
    this.#pending = true;
    this.#file.add(record);
  }

  end(): void {
    this.#pending = false;
    this.#file.flush();
  }
}

function jsonLine(record: CollectedRecord): string {
  return `${recordToJson(record)}\n`;
}

function csvLine(record: CollectedRecord): string {
  return record.isOptions ? '' : recordToCsv(record);
}

/** Lines of the table; the head comes again after each screen of a terminal, and where its width changes. */
function tableLines(): (record: CollectedRecord) => string {
  const terminal = isatty(1) ? process.stdout : undefined;
  let width: number | undefined;
  let table: CollectedTable | undefined;
  let lines = 0;
  return record => {
    if (record.isOptions) return '';
    if (table === undefined || (terminal && terminal.columns !== width)) {
      width = terminal?.columns;
      // a terminal that does not know its size says 0
      table = new CollectedTable(terminal && (width || 80));
      lines = 0;
    }
    const rows = table.lines(record);
    const screen = terminal ? Math.max((terminal.rows || 24) - 2, 10) : Infinity;
    if (lines > 0 && lines + rows.length > screen) lines = 0;
    if (lines === 0) rows.unshift(table.header());
    lines += rows.length;
    return rows.join('');
  };
}
