import { isNat } from '../../record/nat-log.js';
import type { DestinationJournal } from '../../state/destination-journal.js';
import type { Journal } from '../../state/journal.js';
import type { FlowStore } from '../../store/flow-store.js';
import type { DestinationContext } from '../destination-context.js';
import { destinationName, formerNames, type DestinationOptions } from '../destination-options.js';
import type { MakeDestination } from './destination-set.js';
import { Destination } from '../destination.js';

/** Makes the destinations of an exporter, each with its journal where there is a state file. */
export class DestinationFactory {
  readonly #shared: Omit<DestinationContext, 'opened' | 'journal'>;
  readonly #state: Journal | undefined;
  readonly #natEvents: FlowStore | undefined;
  /** Of the destinations that the exporter has begun with. */
  readonly #names: ReadonlySet<string>;

  /** @param natEvents where a destination may have profile nat */
  constructor(
    shared: Omit<DestinationContext, 'opened' | 'journal'>,
    { state, destinations }: { state?: Journal; destinations: readonly DestinationOptions[] },
    natEvents: FlowStore | undefined,
  ) {
    this.#shared = shared;
    this.#state = state;
    this.#natEvents = natEvents;
    this.#names = new Set(destinations.map(destinationName));
  }

  /**
   * @param since milliseconds since 1970: a connection that began before may have been exported by an earlier run
   * @param predecessor in whose place it comes
   * @returns what makes it; throws as a {@link Destination}
   */
  make(options: DestinationOptions, since: number, predecessor?: Destination): MakeDestination {
    return opened => {
      const shared = { ...this.#shared, opened };
      // a journal knows flows by their counters, and events have none
      if (isNat(options))
        return new Destination(options, { ...shared, flows: [{ store: this.#natEvents!, extras: {} }] }, predecessor);
      const journal = predecessor ? predecessor.journal : this.#journalOf(options, since);
      try {
        return new Destination(options, { ...shared, journal }, predecessor);
      } catch (error) {
        if (journal && !predecessor) this.#state?.remove(journal);
        throw error;
      }
    };
  }

  /** Nothing is exported to it any more. */
  readonly left = ({ journal }: Destination): void => {
    if (journal) this.#state?.remove(journal);
  };

  #journalOf(options: DestinationOptions, since: number): DestinationJournal | undefined {
    const former = formerNames(options).filter(name => !this.#names.has(name));
    return this.#state?.destination(destinationName(options), since, former);
  }
}
