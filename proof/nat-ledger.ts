/** natEvent of a session: created, and deleted. Of IPv4 as registered (RFC 8158), of IPv6 as the proof has configured. */
const KINDS: ReadonlyMap<unknown, 'created' | 'deleted'> = new Map([
  [4, 'created'],
  [5, 'deleted'],
  [200, 'created'],
  [201, 'deleted'],
]);
export const NAT66_EVENTS = '200,201';

const TUPLES = [
  'protocolIdentifier',
  'sourceIPv4Address',
  'sourceIPv6Address',
  'sourceTransportPort',
  'destinationIPv4Address',
  'destinationIPv6Address',
  'destinationTransportPort',
];

/** A NAT as the rules of the proof make it: the source and the destination of either family become others, ports stay. */
export interface Translation {
  readonly source: readonly [string, string];
  readonly destination: readonly [string, string];
}

/** Events of a NAT that the collector received. */
export class NatLedger {
  created = 0;
  deleted = 0;
  /** Deletes without a create before them, or from before it. */
  unordered = 0;
  /**
   * When the sessions that are open were created, by their tuples. There may be two: where a connection has expired and nobody has taken it
   * from the table yet, the next one of its tuple begins before its DESTROY.
   */
  readonly #open = new Map<string, string[]>();
  /** How often each address and change of a port stands in the events. */
  readonly #translations = new Map<string, number>();

  add(record: Readonly<Record<string, unknown>>): void {
    const kind = KINDS.get(record['natEvent']);
    if (!kind) throw new Error(`natEvent ${String(record['natEvent'])} is not one of the proof`);
    this[kind]++;
    const translation = translationOf(record);
    this.#translations.set(translation, (this.#translations.get(translation) ?? 0) + 1);
    const key = [...TUPLES.map(name => record[name]), translation].join();
    const time = String(record['observationTimeMilliseconds']);
    const open = this.#open.get(key) ?? [];
    if (kind === 'created') {
      this.#open.set(key, [...open, time].toSorted());
      return;
    }
    // the last that was created before: sessions of one tuple follow one another, and the kernel may deliver their ends in another order
    const created = open.findLastIndex(before => before <= time);
    if (created < 0) this.unordered++;
    else open.splice(created, 1);
    if (open.length === 0) this.#open.delete(key);
  }

  /** Sessions that were not deleted. */
  get open(): number {
    let open = 0;
    for (const times of this.#open.values()) open += times.length;
    return open;
  }

  /** Events whose pair of tuples is another than the rules make. */
  wrong({ source, destination }: Translation): number {
    let wrong = 0;
    const right = new Set(source.map((address, i) => [address, destination[i], true, true].join()));
    for (const [translation, count] of this.#translations) if (!right.has(translation)) wrong += count;
    return wrong;
  }
}

/** The addresses after NAT, and whether each port is what it was. */
function translationOf(record: Readonly<Record<string, unknown>>): string {
  const after = (name: string): unknown => record[`postNAT${name}IPv4Address`] ?? record[`postNAT${name}IPv6Address`];
  const isKept = (name: string): boolean =>
    record[`${name[0].toLowerCase()}${name.slice(1)}`] === record[`postNAPT${name}`];
  return [
    after('Source'),
    after('Destination'),
    isKept('SourceTransportPort'),
    isKept('DestinationTransportPort'),
  ].join();
}
