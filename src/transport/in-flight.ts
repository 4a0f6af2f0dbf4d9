/** Marks for the octets in reach: as many, and records are counted to within one. */
const MARKS = 256;

/**
 * The end of what the kernel took on one connection, which the collector may not have read. Data arrive in order, and at most
 * `reach` octets lie unread between the two processes: what is further back has been read.
 */
export class InFlight {
  readonly #reach: number;
  /** The oldest first; a mark is kept while its last octet is in reach. */
  readonly #marks: { octets: number; records: number }[] = [];
  #octets = 0;

  constructor(reach: number) {
    this.#reach = reach;
  }

  add(octets: number, records: number): void {
    const last = this.#marks.at(-1);
    if (last && last.octets + octets <= this.#reach / MARKS) {
      last.octets += octets;
      last.records += records;
    } else {
      this.#marks.push({ octets, records });
    }
    this.#octets += octets;
    while (this.#octets - this.#marks[0].octets >= this.#reach) this.#octets -= this.#marks.shift()!.octets;
  }

  /** Data records of which an octet may be unread. */
  get records(): number {
    return this.#marks.reduce((sum, { records }) => sum + records, 0);
  }
}
