import type { Logger } from '../common/logger.js';
import { describeError } from '../common/errors.js';
import type { InterfaceName, InterfaceNames } from '../ipfix/interfaces.js';
import type { Source } from '../sources/source.js';

/** Interfaces that are read at most. */
const MOST_INTERFACES = 4_096;

/** The names of the host's interfaces, as of the last poll. */
export class HostInterfaces implements InterfaceNames {
  version = 0;
  list: readonly InterfaceName[] = [];
  readonly #source: Pick<Source, 'interfaces'>;
  readonly #log: Logger;
  #text = '';
  #failed = false;

  constructor(source: Pick<Source, 'interfaces'>, log: Logger) {
    this.#source = source;
    this.#log = log;
    this.beforeDump();
  }

  /** Reads them again. A failure leaves what was known. */
  beforeDump(): void {
    try {
      const list = [...(this.#source.interfaces?.() ?? [])].sort((a, b) => a.index - b.index).slice(0, MOST_INTERFACES);
      const text = JSON.stringify(list);
      this.#failed = false;
      if (text === this.#text) return;
      this.#text = text;
      this.list = list;
      this.version++;
    } catch (error) {
      if (!this.#failed) this.#log.warn(`${describeError(error)}; the names of interfaces stay those before`);
      this.#failed = true;
    }
  }

  /** The names of these alone, as they are at any time. */
  only(...indices: number[]): InterfaceNames {
    const all = (): HostInterfaces => this;
    return {
      get version(): number {
        return all().version;
      },
      get list(): InterfaceName[] {
        return all().list.filter(({ index }) => indices.includes(index));
      },
    };
  }
}
