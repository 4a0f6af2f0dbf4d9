import { CtflowError } from '../common/errors.js';
import type { InterfaceName } from '../ipfix/interfaces.js';
import type { Batch } from '../row/batch.js';
import { type RowView, viewRow } from '../row/row-view.js';
import type { DumpSummary, KernelOptions, RouteLookup, SocketOwners, Source } from '../sources/source.js';
import type { TableStatistics } from '../sources/table-statistics.js';
import type { Backend } from './backend.js';

export interface ConntrackSourceOptions extends Partial<KernelOptions> {
  /** `native` reads the table by ctnetlink and needs CAP_NET_ADMIN; `fallback` reads /proc/net/nf_conntrack. */
  readonly backend: Backend;
}

/**
 * The connection tracking table of the kernel, as it is now: for a program that looks at connections, and as the source of an
 * exporter. It only reads. Connections are there where a rule of the network namespace uses conntrack, packets and octets where
 * `net.netfilter.nf_conntrack_acct` is 1.
 */
export class ConntrackSource implements Source {
  /** Absent with the fallback, which cannot ask the kernel for routes. */
  readonly routes?: (ctmark: boolean) => RouteLookup | undefined;
  /** Absent with the fallback, which cannot ask the kernel for sockets. */
  readonly owners?: () => SocketOwners | undefined;
  readonly #source: Source;

  /**
   * Opens it; nothing is read yet.
   * @throws CtflowError CTFLOW_PERMISSION; CTFLOW_NAMESPACE where there is none of this name; CTFLOW_NETLINK; CTFLOW_BACKEND_LACKS
   * for a namespace or a status that the fallback cannot do
   */
  constructor({ backend, filter = {}, ...options }: ConntrackSourceOptions) {
    const source = backend.openKernel({ filter, ...options });
    if (source.routes) this.routes = ctmark => source.routes!(ctmark);
    if (source.owners) this.owners = () => source.owners!();
    this.#source = source;
  }

  get kind(): Source['kind'] {
    return this.#source.kind;
  }

  /**
   * Walks the table once: each connection as an object, in the order of the kernel. Memory stays the same however many there are,
   * as the kernel waits for the caller. One that begins or ends meanwhile may be left out.
   * @throws CtflowError CTFLOW_PERMISSION; at the end, where the dump did not show the whole table; CTFLOW_USAGE while another dump
   * of this source runs
   */
  async *connections(): AsyncGenerator<RowView, void, undefined> {
    let offer: (batch: Batch | undefined) => void = () => {};
    let release: () => void = () => {};
    let next = new Promise<Batch | undefined>(resolve => (offer = resolve));
    let left = false;
    const dump = this.dump(batch => {
      if (left) return;
      offer(batch);
      return new Promise(resolve => (release = resolve));
    }).finally(() => offer(undefined));
    try {
      for (let batch = await next; batch; batch = await next) {
        next = new Promise(resolve => (offer = resolve));
        for (let i = 0; i < batch.count; i++) yield viewRow(batch, i);
        release();
      }
    } finally {
      left = true;
      release();
      await dump;
    }
    const { complete, error } = (await dump)!;
    if (complete) return;
    throw error ?? new CtflowError('CTFLOW_NETLINK', 'The dump is incomplete', 'The table changed too much: try again');
  }

  /**
   * As {@link connections}, with rows as they lie in memory, some thousand in a batch: for a million connections and more. The
   * batch is filled again when the promise of `onBatch` settles.
   * @param onBatch gets the batch, and when the kernel sent it, milliseconds since 1970
   * @throws CtflowError CTFLOW_PERMISSION; CTFLOW_USAGE while another dump of this source runs; what `onBatch` throws
   */
  dump(onBatch: (batch: Batch, at: number) => void | Promise<void>): Promise<DumpSummary | undefined> {
    return this.#source.dump(onBatch);
  }

  sysctl(name: string): string | undefined {
    return this.#source.sysctl(name);
  }

  setSysctl(name: string, value: string): void {
    this.#source.setSysctl(name, value);
  }

  localAddresses(): readonly string[] {
    return this.#source.localAddresses?.() ?? [];
  }

  interfaces(): readonly InterfaceName[] {
    return this.#source.interfaces?.() ?? [];
  }

  statistics(): TableStatistics | undefined {
    return this.#source.statistics?.();
  }

  close(): void {
    this.#source.close();
  }
}
