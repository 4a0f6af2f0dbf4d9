import { addCounts } from '../../common/add-counts.js';
import { CtflowError, describeError } from '../../common/errors.js';
import type { Logger } from '../../common/logger.js';
import { FLOW_OWNERS, type FlowExtras } from '../../encoder/columns.js';
import type { NameTable } from '../../record/name-table.js';
import type { LookedOwners, OwnerCounts, SocketOwner, SocketOwners, Source } from '../../sources/source.js';
import { IN_USE } from '../../store/connection-table.js';
import type { FlowStore } from '../../store/flow-store.js';
import type { LocalAddresses } from '../local-ends.js';
import { readCgroupPath } from './cgroup-path.js';
import { ContainerNames } from './container-names.js';
import { MOST_OWNERS, OwnerTable } from './owner-table.js';
import { UserNames } from './user-names.js';
import { WaitingFlows } from './waiting-flows.js';

/** Where the facts of an owner have the name of its container. */
const CONTAINER_NAME = 4;

export interface OwnerStats extends OwnerCounts {
  /** Owners that are known now. */
  readonly owners: number;
  /** Connections in a zone: another one of the same addresses may have the socket. */
  readonly inZone: number;
  /** Connections that were not looked for, as too many others were, or the kernel could not be asked. */
  readonly overflow: number;
  readonly failed: number;
  /** Ends whose owner found no room. */
  readonly ownersOverflow: number;
}

/** Whose sockets the ends of flows on this host are. Each connection is looked for once, when the store has got it. */
export class HostOwners {
  readonly #source: Required<Pick<Source, 'owners'>>;
  readonly #addresses: LocalAddresses;
  readonly #names: NameTable;
  readonly #log: Logger;
  readonly #most: number;
  readonly #users = new UserNames();
  readonly #containers: ContainerNames;
  readonly #counts = { inZone: 0, overflow: 0, failed: 0 };
  #table: OwnerTable | undefined;
  #waiting: WaitingFlows | undefined;
  #lookup: SocketOwners | undefined;
  /** Of namespaces before. */
  #earlier: OwnerCounts | undefined;
  #failed = false;
  #closed = false;

  /**
   * @param most owners that are kept; @param containers who knows the names of containers
   * @throws CtflowError CTFLOW_BACKEND_LACKS, CTFLOW_USAGE where the source has no sockets
   */
  constructor(
    source: Pick<Source, 'kind' | 'owners'>,
    addresses: LocalAddresses,
    names: NameTable,
    log: Logger,
    most: number = MOST_OWNERS,
    containers = new ContainerNames(),
  ) {
    const { kind, owners } = source;
    if (!owners) throw refusal(kind);
    this.#source = { owners: owners.bind(source) };
    this.#addresses = addresses;
    this.#names = names;
    this.#log = log;
    this.#most = most;
    this.#containers = containers;
  }

  stats(): OwnerStats {
    const { count = 0, overflow = 0 } = this.#table ?? {};
    const counts = addCounts(this.#earlier, this.#lookup?.counts() ?? NO_COUNTS)!;
    return { ...counts, ...this.#counts, owners: count, ownersOverflow: overflow };
  }

  /** The owners of a store's flows. */
  of(store: FlowStore): Required<Pick<FlowExtras, 'owners' | 'ownerFacts'>> {
    const table = (this.#table = new OwnerTable(this.#names, this.#most));
    const owners = new Uint32Array(store.table.capacity * FLOW_OWNERS);
    const waiting = (this.#waiting = new WaitingFlows(store, owners, {
      isLocal: (at, v6) => {
        const { rows, bytes } = store.table;
        return this.#addresses.has(rows, at, v6, bytes[at * 4]);
      },
      inZone: () => this.#counts.inZone++,
      overflow: () => this.#counts.overflow++,
      look: slots => this.#look(store.table.bytes, slots),
      number: owner => this.#number(owner, table, store, owners),
    }));
    store.subscribe(waiting);
    return { owners, ownerFacts: table.facts };
  }

  beforeDump(): void {
    this.#waiting?.beforeDump();
  }

  afterDump(): void {
    this.#waiting?.afterDump();
  }

  /** No more looks. */
  close(): void {
    this.#closed = true;
  }

  /** @returns undefined where nothing is to be known */
  async #look(rows: Uint8Array, slots: Uint32Array): Promise<LookedOwners | undefined> {
    if (this.#closed) return undefined;
    try {
      const lookup = this.#current();
      this.#users.refresh();
      const looked = await lookup?.look(rows, slots);
      if (!looked) this.#counts.failed += slots.length;
      this.#failed = false;
      return looked;
    } catch (error) {
      this.#counts.failed += slots.length;
      if (!this.#failed) this.#log.warn(`${describeError(error)}; connections stay without owners`);
      this.#failed = true;
      return undefined;
    }
  }

  #current(): SocketOwners | undefined {
    const current = this.#source.owners();
    if (current !== this.#lookup) {
      this.#earlier = addCounts(this.#earlier, this.#lookup?.counts());
      this.#lookup = current;
    }
    return current;
  }

  #number(owner: SocketOwner, table: OwnerTable, store: FlowStore, owners: Uint32Array): number {
    const { flags, top } = store.table;
    return table.number(
      owner,
      () => {
        const { container } = readCgroupPath(owner.cgroup);
        if (container !== '') void this.#findName(owner, container, table);
        return namesOf(owner, this.#users);
      },
      keep => {
        for (let slot = 0; slot < top; slot++) {
          if (!(flags[slot] & IN_USE)) continue;
          keep(owners[slot * FLOW_OWNERS]);
          keep(owners[slot * FLOW_OWNERS + 1]);
        }
      },
    );
  }

  async #findName(owner: SocketOwner, container: string, table: OwnerTable): Promise<void> {
    const name = await this.#containers.name(container);
    if (name !== '') table.setName(owner, CONTAINER_NAME, name);
  }
}

const NO_COUNTS: OwnerCounts = {
  looks: 0,
  sockets: 0,
  connections: 0,
  named: 0,
  without: 0,
  ambiguous: 0,
  unproven: 0,
  ended: 0,
  cpu: 0,
};

/** In the order of an owner's facts. */
export function namesOf({ user, cgroup, command }: SocketOwner, users: UserNames): string[] {
  const { unit, container, podUid } = readCgroupPath(cgroup);
  // a container has users of its own: this host's names are not theirs
  const name = container === '' && podUid === '' ? users.of(user) : String(user);
  return [name, cgroup, unit, container, '', podUid, command];
}

/** Why no owner can be known there, in a sentence; undefined where owners can. */
export function ownersLack(source: Pick<Source, 'sysctl'>): string | undefined {
  if (source.sysctl('nf_conntrack_timestamp')?.trim() === '1') return undefined;
  return 'timestamps are off: no owner is known, as a connection without a start time could be another one of the same ports';
}

/** Of a source that knows no sockets. */
export function refusal(kind: Source['kind']): CtflowError {
  const without = { ovs: 'Open vSwitch knows no sockets', replay: 'A recording has no sockets' };
  return kind === 'replay' || kind === 'ovs'
    ? new CtflowError('CTFLOW_USAGE', without[kind], 'Leave out owners')
    : new CtflowError(
        'CTFLOW_BACKEND_LACKS',
        'Only the native backend can ask the kernel for sockets',
        'Build the native module, or leave out owners',
      );
}
