import type { Logger } from '../common/logger.js';
import { DestinationJournal, type JournalWriter } from './destination-journal.js';
import { DONE, EntryBlock } from './entry-block.js';
import { type JournalContents, MOST_DESTINATIONS } from './journal-contents.js';

export interface DestinationJournalsOptions {
  log: Logger;
  /** Names that destinations had in files of still earlier versions, by their names. */
  formerNames?: ReadonlyMap<string, string>;
  /** The clock, milliseconds since 1970. */
  wall?: () => number;
}

/** The journals of the destinations of a file, and the numbers that these have in it. */
export class DestinationJournals {
  /** Of those that are exported to. */
  readonly all: DestinationJournal[] = [];
  readonly #journal: JournalWriter;
  readonly #options: DestinationJournalsOptions;
  /** That are exported to no more in this run, and have entries in the file. */
  #removed: DestinationJournal[] = [];
  /** Numbers under which the file has entries, or may have. */
  #numbers = new Set<number>();

  constructor(journal: JournalWriter, options: DestinationJournalsOptions) {
    this.#journal = journal;
    this.#options = options;
  }

  /**
   * As of Journal.destination.
   * @param contents what earlier runs have left, until that is settled
   * @param settled the first complete poll is over
   */
  add(
    name: string,
    born: number,
    former: readonly string[],
    contents: JournalContents | undefined,
    settled: boolean,
  ): DestinationJournal {
    const again = this.#removed.findIndex(one => one.name === name);
    if (again >= 0) return this.#addAgain(name, this.#removed.splice(again, 1)[0], born);
    // the number of one that is no more
    if (this.#numbers.size >= MOST_DESTINATIONS && this.#removed.length > 0)
      return this.#addAgain(name, this.#removed.shift()!, born);
    const namesakes = this.all.filter(one => one.name === name || one.name.startsWith(`${name} #`));
    const suffix = namesakes.length > 0 ? ` #${namesakes.length + 1}` : '';
    const own = `${name}${suffix}`;
    const names = [name, ...former].flatMap(one => [one, this.#options.formerNames?.get(one)]);
    const found = contents?.destinations ?? [];
    const used = new Set(this.all.map(({ number }) => number));
    const known = [own, ...names, ...names.map(one => `${one}${suffix}`)]
      .map(one => found.find(({ name, number }) => name === one && !used.has(number)))
      .find(one => one !== undefined);
    let number = known?.number ?? 0;
    while (!known && this.#numbers.has(number)) number++;
    this.#numbers.add(number);
    const { wall, log } = this.#options;
    const table = contents?.table;
    const destination = new DestinationJournal(this.#journal, { number, name: own, born, known, table, wall });
    this.all.push(destination);
    // as the others have
    if (settled) destination.forgetContents();
    if (known?.name !== own) this.#journal.announce(destination);
    if (known && known.pending.length > 0) this.#journal.append(new EntryBlock(0).seal(DONE, number, known.batch));
    const { records } = destination.uncertain;
    if (records > 0) {
      log.warn(
        { collector: own, restartUncertain: destination.uncertain },
        'records of the previous run may or may not have been sent; they are not sent again',
      );
    }
    return destination;
  }

  remove(destination: DestinationJournal): void {
    destination.flush();
    // what did not leave was counted
    this.#journal.append(new EntryBlock(0).seal(DONE, destination.number, destination.batch));
    this.all.splice(this.all.indexOf(destination), 1);
    this.#removed.push(destination);
  }

  /** The file has entries of these, and of those that are exported to. */
  keepNumbers(kept: ReadonlySet<number>): void {
    this.#removed = this.#removed.filter(({ number }) => kept.has(number));
    this.#numbers = new Set([...kept, ...this.all.map(({ number }) => number)]);
  }

  /** It gets the number of one that was removed, and what was exported under that before counts no more. */
  #addAgain(name: string, { number, batch }: DestinationJournal, born: number): DestinationJournal {
    const known = { number, name, since: born, pending: [], batch, sums: new Map() };
    const { wall } = this.#options;
    const destination = new DestinationJournal(this.#journal, { number, name, born, known, table: undefined, wall });
    this.all.push(destination);
    destination.forgetContents();
    this.#journal.announce(destination);
    return destination;
  }
}
