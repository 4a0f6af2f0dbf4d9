import { CtflowError } from '../common/errors.js';
import type { InterfaceName } from '../ipfix/interfaces.js';
import type { Batch } from '../row/batch.js';
import type { DumpSummary, Flowtable, RouteLookup, SocketOwners, Source } from './source.js';
import type { TableStatistics } from './table-statistics.js';

/** A source in a network namespace that may go and come back: it can be released, and opened again. */
export class FollowedSource implements Source {
  readonly #open: () => Source;
  #source: Source | undefined;

  /** @throws CtflowError as `open` */
  constructor(open: () => Source) {
    this.#open = open;
    this.#source = open();
  }

  get kind(): Source['kind'] {
    return 'netlink';
  }

  get isOpen(): boolean {
    return this.#source !== undefined;
  }

  /** What has its name now. @throws CtflowError as the constructor's `open` */
  reopen(): void {
    this.close();
    this.#source = this.#open();
  }

  /** @throws CtflowError CTFLOW_NAMESPACE while there is none */
  async dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary | undefined> {
    return this.#there().dump(onBatch);
  }

  sysctl(name: string): string | undefined {
    return this.#source?.sysctl(name);
  }

  setSysctl(name: string, value: string): void {
    this.#there().setSysctl(name, value);
  }

  /** None while there is no namespace. */
  localAddresses(): readonly string[] {
    return this.#source?.localAddresses?.() ?? [];
  }

  /** None while there is no namespace. */
  interfaces(): readonly InterfaceName[] {
    return this.#source?.interfaces?.() ?? [];
  }

  /** Undefined while there is no namespace. */
  statistics(): TableStatistics | undefined {
    return this.#source?.statistics?.();
  }

  flowtables(): readonly Flowtable[] | undefined {
    return this.#source?.flowtables?.();
  }

  routes(ctmark: boolean): RouteLookup | undefined {
    return this.#source?.routes?.(ctmark);
  }

  owners(): SocketOwners | undefined {
    return this.#source?.owners?.();
  }

  /** Releases the namespace. */
  close(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  #there(): Source {
    if (this.#source) return this.#source;
    throw new CtflowError('CTFLOW_NAMESPACE', 'The network namespace is gone', 'Wait until it is there again');
  }
}
