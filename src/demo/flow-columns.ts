import type { Flow } from './flow-board.js';
import { humanCount, humanOctets } from './units.js';

interface Column {
  readonly head: string;
  /** At least. */
  readonly width: number;
  readonly right?: true;
  cell(flow: Flow): string;
}

const PROTOCOL: Column = { head: 'proto', width: 5, cell: flow => flow.protocol };
const SOURCE: Column = { head: 'source', width: 20, cell: flow => flow.source };
const DESTINATION: Column = { head: '→ destination', width: 21, cell: flow => `→ ${flow.destination}` };
const NAT: Column = { head: 'translated', width: 26, cell: flow => flow.nat ?? '' };
const PACKETS: readonly Column[] = [
  { head: 'pkts →', width: 6, right: true, cell: flow => humanCount(flow.packets[0]) },
  { head: '← pkts', width: 6, right: true, cell: flow => humanCount(flow.packets[1]) },
];
const OCTETS: readonly Column[] = [
  { head: 'octets →', width: 8, right: true, cell: flow => humanOctets(flow.octets[0]) },
  { head: '← octets', width: 8, right: true, cell: flow => humanOctets(flow.octets[1]) },
];
const REST: readonly Column[] = [
  { head: 'state', width: 7, cell: flow => flow.state },
  { head: 'recs', width: 4, right: true, cell: flow => String(flow.records) },
];

/** From the widest to the narrowest. Where NAT has no column, it has a line of its own. */
const LAYOUTS: readonly (readonly Column[])[] = [
  [PROTOCOL, SOURCE, DESTINATION, NAT, ...PACKETS, ...OCTETS, ...REST],
  [PROTOCOL, SOURCE, DESTINATION, ...PACKETS, ...OCTETS, ...REST],
  [PROTOCOL, SOURCE, DESTINATION, ...OCTETS, ...REST],
];
const GAP = ' ';

/** Connections as lines of a table. */
export class FlowColumns {
  readonly #columns: readonly Column[];
  readonly #widths: readonly number[];

  /**
   * @param width characters that a line should have at most
   * @param flows those that the columns are made wide enough for
   */
  constructor(width: number, flows: readonly Flow[]) {
    const measured = LAYOUTS.map(columns => ({ columns, widths: columns.map(column => widthOf(column, flows)) }));
    const fits = measured.find(({ widths }) => widths.reduce((sum, each) => sum + each + GAP.length) <= width);
    const { columns, widths } = fits ?? measured[measured.length - 1];
    this.#columns = columns;
    this.#widths = widths;
  }

  header(): string {
    return this.#line(column => column.head);
  }

  /** One line, or two. */
  rows(flow: Flow): string[] {
    const line = this.#line(column => column.cell(flow));
    if (!flow.nat || this.#columns.includes(NAT)) return [line];
    return [line, `${' '.repeat(this.#widths[0] + this.#widths[1] + 2 * GAP.length)}↳ ${flow.nat}`];
  }

  #line(text: (column: Column) => string): string {
    const cells = this.#columns.map((column, i) =>
      column.right ? text(column).padStart(this.#widths[i]) : text(column).padEnd(this.#widths[i]),
    );
    return cells.join(GAP).trimEnd();
  }
}

function widthOf(column: Column, flows: readonly Flow[]): number {
  return Math.max(column.width, ...flows.map(flow => column.cell(flow).length));
}
