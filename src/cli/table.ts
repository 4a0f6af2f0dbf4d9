import CliTable from 'cli-table3';

export interface Column {
  readonly head: string;
  /** Characters. */
  readonly width: number;
  /** Left where it is not said. */
  readonly align?: 'left' | 'right';
}

const GAP = 1;
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

/**
 * A table without borders that is printed row by row. No cell is ever cut: one that is wider than its column pushes the
 * rest of its row to the right, and the columns behind it take up the slack as soon as they have any. Cells are one line of
 * printable characters of single width.
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
    const table = new CliTable({
      chars: { ...NO_BORDERS, middle: ' '.repeat(GAP) },
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
      colWidths: this.#widths(cells),
      colAligns: this.#columns.map(({ align }) => align ?? 'left'),
    });
    table.push([...cells]);
    return `${table.toString().trimEnd()}\n`;
  }

  #widths(cells: readonly string[]): number[] {
    let pushed = 0;
    return this.#columns.map(({ width }, i) => {
      const fitted = Math.max(cells[i].length, width - pushed, 1);
      pushed += fitted - width;
      return fitted;
    });
  }
}
