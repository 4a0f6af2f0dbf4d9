import { ColumnTable, type Column as TableColumn } from '../../common/terminal/table.js';
import type { Flow } from './flow-board.js';
import { humanCount, humanOctets } from './units.js';

interface Column extends TableColumn {
  cell(flow: Flow): string;
}

const PROTOCOL: Column = { head: 'proto', width: 5, cell: flow => flow.protocol };
const SOURCE: Column = { head: 'source', width: 20, cell: flow => flow.source };
const DESTINATION: Column = { head: '→ destination', width: 21, cell: flow => `→ ${flow.destination}` };
const NAT: Column = { head: 'translated', width: 26, cell: flow => flow.nat ?? '' };
const PACKETS: readonly Column[] = [
  { head: 'pkts →', width: 6, align: 'right', cell: flow => humanCount(flow.packets[0]) },
  { head: '← pkts', width: 6, align: 'right', cell: flow => humanCount(flow.packets[1]) },
];
const OCTETS: readonly Column[] = [
  { head: 'octets →', width: 8, align: 'right', cell: flow => humanOctets(flow.octets[0]) },
  { head: '← octets', width: 8, align: 'right', cell: flow => humanOctets(flow.octets[1]) },
];
const REST: readonly Column[] = [
  { head: 'state', width: 7, cell: flow => flow.state },
  { head: 'recs', width: 4, align: 'right', cell: flow => String(flow.records) },
];

/** From the widest to the narrowest. Where NAT has no column, it has a line of its own. */
const LAYOUTS: readonly (readonly Column[])[] = [
  [PROTOCOL, SOURCE, DESTINATION, NAT, ...PACKETS, ...OCTETS, ...REST],
  [PROTOCOL, SOURCE, DESTINATION, ...PACKETS, ...OCTETS, ...REST],
  [PROTOCOL, SOURCE, DESTINATION, ...OCTETS, ...REST],
];

/** Connections as lines of a table. */
export class FlowColumns {
  readonly #columns: readonly Column[];
  readonly #table: ColumnTable;

  /**
   * @param width characters that a line should have at most
   * @param flows those that the columns are made wide enough for
   */
  constructor(width: number, flows: readonly Flow[]) {
    const layouts = LAYOUTS.map(columns => columns.map(column => ({ ...column, width: widthOf(column, flows) })));
    const fits = layouts.find(columns => columns.reduce((sum, column) => sum + column.width + 1, -1) <= width);
    this.#columns = fits ?? layouts[layouts.length - 1];
    this.#table = new ColumnTable(this.#columns);
  }

  header(): string {
    return this.#table.header().trimEnd();
  }

  /** One line, or two. */
  rows(flow: Flow): string[] {
    const line = this.#table.row(this.#columns.map(column => column.cell(flow))).trimEnd();
    if (!flow.nat || this.#columns.some(column => column.head === NAT.head)) return [line];
    const [protocol, source] = this.#columns;
    return [line, `${' '.repeat(protocol.width + source.width + 2)}↳ ${flow.nat}`];
  }
}

function widthOf(column: Column, flows: readonly Flow[]): number {
  return Math.max(column.width, ...flows.map(flow => column.cell(flow).length));
}
