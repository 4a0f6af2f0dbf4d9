import type { SequenceVerdict } from './sequence.js';

/** What came from one exporter in one observation domain. */
export interface ExporterCounts {
  /** `udp://192.0.2.1`: without a port, which is another one after each start of an exporter. */
  readonly exporter: string;
  readonly observationDomain: number;
  /** Well-formed messages. */
  messages: number;
  /** Data records of templates. */
  records: number;
  /** Data records of options templates. */
  optionsRecords: number;
  /** Data records missing by the sequence numbers, less those that came late. */
  sequenceLost: number;
  /** Runs of missing records: messages were lost so many times, one or more. */
  gaps: number;
  /** Messages that came out of order and filled a gap. */
  lateMessages: number;
  /** Messages whose sequence number lies behind without reason. */
  repeatedMessages: number;
  /** Times that the sequence restarted within a session. */
  sequenceRestarts: number;
  /** Data sets without a template: not kept, or kept in vain. */
  undecodableSets: number;
  /** Milliseconds since 1970. */
  lastMessage: number;
}

/** Rows of all together that are not in the table any more. */
export const OTHER_EXPORTERS = 'others';

/** Counts by exporter and observation domain; beyond a limit, the ones silent the longest are added up in one row. */
export class ExporterTable {
  readonly #limit: number;
  readonly #rows = new Map<string, ExporterCounts>();
  readonly #others = newCounts(OTHER_EXPORTERS, 0);

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The row of an exporter (`udp://192.0.2.1:40000`) and a domain. */
  of(exporter: string, observationDomain: number): ExporterCounts {
    const host = exporter.slice(0, exporter.lastIndexOf(':'));
    const key = `${host} ${observationDomain}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      if (this.#rows.size >= this.#limit) this.#merge();
      row = newCounts(host, observationDomain);
      this.#rows.set(key, row);
    }
    return row;
  }

  /** A copy of all rows, the one that all others share last. */
  list(): ExporterCounts[] {
    const rows = [...this.#rows.values()].map(row => ({ ...row }));
    return this.#others.messages > 0 ? [...rows, { ...this.#others }] : rows;
  }

  /** A quarter of the rows at once, or each newcomer of a flood would be a search. */
  #merge(): void {
    const oldest = [...this.#rows].sort(([, a], [, b]) => a.lastMessage - b.lastMessage);
    for (const [key, row] of oldest.slice(0, Math.ceil(oldest.length / 4))) {
      this.#rows.delete(key);
      for (const name of COUNTS) this.#others[name] += row[name];
      this.#others.lastMessage = Math.max(this.#others.lastMessage, row.lastMessage);
    }
  }
}

const COUNTS = [
  'messages',
  'records',
  'optionsRecords',
  'sequenceLost',
  'gaps',
  'lateMessages',
  'repeatedMessages',
  'sequenceRestarts',
  'undecodableSets',
] as const;

function newCounts(exporter: string, observationDomain: number): ExporterCounts {
  return {
    exporter,
    observationDomain,
    messages: 0,
    records: 0,
    optionsRecords: 0,
    sequenceLost: 0,
    gaps: 0,
    lateMessages: 0,
    repeatedMessages: 0,
    sequenceRestarts: 0,
    undecodableSets: 0,
    lastMessage: 0,
  };
}

/** What a message's sequence number shows, in the counts of all and of its exporter. */
export function countSequence(
  { kind, lost }: SequenceVerdict,
  ...all: Pick<ExporterCounts, 'sequenceLost' | 'lateMessages' | 'repeatedMessages' | 'sequenceRestarts'>[]
): void {
  for (const counts of all) {
    counts.sequenceLost += lost;
    if (kind === 'late') counts.lateMessages++;
    else if (kind === 'repeated') counts.repeatedMessages++;
    else if (kind === 'restart') counts.sequenceRestarts++;
  }
}
