import { ColumnTable } from '../../common/terminal/table.js';
import type { CollectedRecord } from '../../collector/decode/record.js';
import { cells, columns, LABELS } from '../collected-row.js';

/** Of lines that continue a row: as wide as its time. */
const INDENT = ' '.repeat(9);
const GAP = '  ';

/** Flow records as a table. No line is longer than the width: what does not fit continues below, with its name. */
export class CollectedTable {
  readonly #width: number;
  readonly #tables: readonly ColumnTable[];
  readonly #count: number;

  /** @param width characters of a line; undefined where the output is no terminal */
  constructor(width: number = Infinity) {
    this.#width = width;
    const all = columns(width);
    this.#count = all.length;
    // by the number of columns
    this.#tables = all.map((_, i) => new ColumnTable(all.slice(0, i + 1)));
  }

  header(): string {
    let i = this.#count - 1;
    while (i > 0 && this.#tables[i].header().length - 1 > this.#width) i--;
    return this.#tables[i].header();
  }

  /** A row and the lines that continue it. */
  lines(record: CollectedRecord): string[] {
    return this.rows(cells(record));
  }

  /** @param row cells of printable ASCII */
  rows(row: readonly string[]): string[] {
    for (let i = this.#count - 1; ; i--) {
      const line = this.#tables[i].row(row.slice(0, i + 1));
      if (i > 0 && line.length - 1 > this.#width) continue;
      return [...split(line.trimEnd(), this.#width), ...this.#continued(row, i + 1)].map(each => `${each}\n`);
    }
  }

  #continued(row: readonly string[], from: number): string[] {
    const lines: string[] = [];
    let line = '';
    const room = Math.max(this.#width - INDENT.length, 1);
    const put = (word: string): void => {
      for (const part of split(word, room)) {
        const longer = line === '' ? part : line + GAP + part;
        if (longer.length > room) {
          lines.push(INDENT + line);
          line = part;
        } else {
          line = longer;
        }
      }
    };
    for (let i = from; i < row.length; i++) {
      if (row[i] === '') continue;
      if (LABELS[i] !== '') put(LABELS[i] + row[i]);
      else row[i].split(' ').forEach(put);
    }
    if (line !== '') lines.push(INDENT + line);
    return lines;
  }
}

function split(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  return [text.slice(0, width), ...split(text.slice(width), width)];
}
