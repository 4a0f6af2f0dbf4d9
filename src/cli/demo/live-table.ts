import { release } from 'node:os';
import { styleText } from 'node:util';
import type { WriteStream } from 'node:tty';
import type { Flow } from './flow-board.js';
import { FlowColumns } from './flow-columns.js';
import type { Snapshot } from './stage.js';
import { humanOctets } from './units.js';

/** How a line is set off; the last of them fall behind. */
export type Tone = 'title' | 'head' | 'plain' | 'faint';

export interface Line {
  readonly tone: Tone;
  readonly text: string;
}

/** The whole picture: two lines of title, the table by protocol and destination, and how many had no room; at most `height` lines. */
export function frame(snapshot: Snapshot, width: number, height: number): Line[] {
  const room = height - 5; // title, totals, an empty line, the head, and the line for those without a row
  const columns = new FlowColumns(width, snapshot.top.slice(0, Math.max(room, 0)));
  const chosen: Flow[] = [];
  let used = 0;
  for (const flow of snapshot.top) {
    used += columns.rows(flow).length;
    if (used > room) break;
    chosen.push(flow);
  }
  const lines: Line[] = [
    { tone: 'title', text: title(snapshot) },
    { tone: 'plain', text: totals(snapshot) },
    { tone: 'plain', text: '' },
    { tone: 'head', text: columns.header() },
  ];
  for (const flow of chosen.sort(byDestination)) {
    for (const text of columns.rows(flow)) lines.push({ tone: flow.state === 'active' ? 'plain' : 'faint', text });
  }
  const left = snapshot.connections - chosen.length;
  if (left > 0) lines.push({ tone: 'faint', text: `… and ${left} more` });
  return lines.slice(0, Math.max(height, 0)).map(({ tone, text }) => ({ tone, text: clip(text, width) }));
}

/** Rows keep their places while numbers change; among those of one kind, the latest stays on top. */
function byDestination(a: Flow, b: Flow): number {
  return compare(a.protocol, b.protocol) || compare(a.destination, b.destination);
}

/** Numbers in the text as numbers, and no regard for the bracket of IPv6, so that IPv4 comes first. */
function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true, ignorePunctuation: true });
}

function clip(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** The first line: what runs here, and how long still. */
export function title(snapshot: Snapshot): string {
  const where = snapshot.mode === 'live' ? `Linux ${release()}` : 'a recording';
  const { elapsed, duration } = snapshot;
  const time =
    duration === undefined ? seconds(elapsed) : `${seconds(Math.min(elapsed, duration))} of ${seconds(duration)}`;
  return `ctflow demo · ${where} · ${snapshot.backend} backend · ${time}`;
}

/** The second: what has arrived. */
export function totals(snapshot: Snapshot): string {
  const { connections, records, packets, octets } = snapshot;
  const volume = `${packets.toLocaleString('en-US')} packets, ${humanOctets(octets)}`;
  return `${connections} connections in ${records} IPFIX flow records: ${volume}`;
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}

const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0] | undefined>> = {
  title: 'bold',
  head: 'underline',
  plain: undefined,
  faint: 'dim',
};

/** formatReport's, an empty line before it, and the prompt after it. */
const REPORT_LINES = 9;

/** Draws one picture over the last one, on a terminal. */
export class LiveTable {
  readonly #terminal: WriteStream;
  readonly #colour: boolean;
  #lines = 0;
  #last: Snapshot | undefined;
  readonly #resized = () => {
    // lines may have been wrapped anew, so nothing is known of where they are
    this.#terminal.write('\x1b[H\x1b[2J');
    this.#lines = 0;
    if (this.#last) this.show(this.#last);
  };

  constructor(terminal: WriteStream) {
    this.#terminal = terminal;
    this.#colour = terminal.hasColors() && !process.env['NO_COLOR'];
    terminal.on('resize', this.#resized);
    terminal.write('\x1b[?25l'); // the cursor out of sight
  }

  show(snapshot: Snapshot): void {
    this.#last = snapshot;
    this.#draw(snapshot, 1); // the cursor's own
  }

  /** Takes the picture away, so that a sentence may be written in its place. */
  clear(): void {
    this.#terminal.write(this.#home());
    this.#lines = 0;
  }

  /** Leaves the last picture where it is, with room for the report below it. */
  end(): void {
    this.#terminal.off('resize', this.#resized);
    if (this.#last) this.#draw(this.#last, REPORT_LINES);
    this.#terminal.write('\x1b[?25h');
  }

  #draw(snapshot: Snapshot, spare: number): void {
    const { columns = 80, rows = 24 } = this.#terminal;
    const lines = frame(snapshot, columns, rows - spare);
    this.#terminal.write(`${this.#home()}${lines.map(line => `${this.#paint(line)}\n`).join('')}`);
    this.#lines = lines.length;
  }

  #home(): string {
    return this.#lines > 0 ? `\x1b[${this.#lines}A\r\x1b[J` : '';
  }

  #paint({ tone, text }: Line): string {
    const style = STYLES[tone];
    return this.#colour && style && text ? styleText(style, text) : text;
  }
}
