import CliTable from 'cli-table3';

export interface Column {
  readonly head: string;
  /** Characters. */
  readonly width: number;
  /** Left by default. */
  readonly align?: 'left' | 'right';
}

const GAP = ' ';
const ASCII = /^[\x20-\x7e]*$/;
const BORDERS = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
] as const;
const NO_BORDERS = Object.fromEntries(BORDERS.map(name => [name, ''])) as Record<(typeof BORDERS)[number], string>;
const PLAIN = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };

/**
 * A table without borders that is printed row by row. No cell is ever cut: one that is wider than its column pushes the
 * rest of its row to the right, and the columns behind it take up the slack as soon as they have any. Cells are one line
 * of printable characters.
 */
export class ColumnTable {
  readonly #columns: readonly Column[];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
  }

  /** The line of heads, with its line break. */
  header(): string {
    return this.row(this.#columns.map(({ head }) => head));
  }

  /** One line, with its line break. */
  row(cells: readonly string[]): string {
    // cli-table3 knows how wide any character is, and takes 0.2 ms a row; tables of connections are long, and ASCII.
    const line = cells.every(cell => ASCII.test(cell)) ? this.#asciiLine(cells) : this.#line(cells);
    return `${line.trimEnd()}\n`;
  }

  #asciiLine(cells: readonly string[]): string {
    const widths = this.#fit(cells.map(cell => cell.length));
    const padded = this.#columns.map(({ align }, i) =>
      align === 'right' ? cells[i].padStart(widths[i]) : cells[i].padEnd(widths[i]),
    );
    return padded.join(GAP);
  }

  #line(cells: readonly string[]): string {
    const table = new CliTable({
      chars: { ...NO_BORDERS, middle: GAP },
      style: PLAIN,
      colWidths: this.#fit(cells.map(displayWidth)),
      colAligns: this.#columns.map(({ align }) => align ?? 'left'),
    });
    table.push([...cells]);
    return table.toString();
  }

  /** The width of each cell in one row. */
  #fit(wanted: readonly number[]): number[] {
    let pushed = 0;
    return this.#columns.map(({ width }, i) => {
      const fitted = Math.max(wanted[i], width - pushed, 1);
      pushed += fitted - width;
      return fitted;
    });
  }
}

/** Columns of a terminal: the length of the border that cli-table3 draws over the text. */
function displayWidth(text: string): number {
  const table = new CliTable({ chars: { ...NO_BORDERS, top: '-' }, style: PLAIN });
  table.push([text]);
  return table.toString().split('\n')[0].length;
}
