import type { Batch } from '../row/batch.js';
import type { InterfaceName } from '../ipfix/interfaces.js';
import type { ConnectionFilter } from '../row/filter.js';
import type { TableStatistics } from './table-statistics.js';

/** How one dump went. */
export interface DumpSummary {
  /** Milliseconds since 1970 when the dump began. */
  readonly startedAt: number;
  /** Rows delivered. */
  readonly rows: number;
  /**
   * The whole table was seen: nothing failed, nothing was interrupted. Only then does a connection that is not among the
   * rows count as gone. A malformed entry leaves the dump complete: one that lasts would keep every other from ending.
   */
  readonly complete: boolean;
  /** Connections skipped, by reason: filtered, malformed, ignored, interrupted, truncated, overrun, resized, … */
  readonly skipped: Readonly<Record<string, number>>;
  /** Milliseconds of CPU for reading and decoding, the kernel's work included; absent for what is no kernel's. */
  readonly cpu?: number;
  /** What made the dump incomplete, where something did. */
  readonly error?: Error;
}

/** @param at milliseconds since 1970 */
export type OnRows = (batch: Batch, at: number) => void | Promise<void>;

/**
 * Where connections come from: netlink, procfs, Open vSwitch or a file.
 */
export interface Source {
  readonly kind: 'netlink' | 'procfs' | 'ovs' | 'replay';
  /**
   * Walks the table once and delivers its rows batch by batch, in the same buffer: it waits until the returned promise settles.
   * @param onDestroys gets rows of DESTROY events that were recorded before the dump and in it, in the same way; replay only
   * @returns undefined when there is nothing more to play (replay only)
   * @throws CtflowError where no dump can be had at all (permission, closed)
   */
  dump(onBatch: OnRows, onDestroys?: OnRows): Promise<DumpSummary | undefined>;
  /** Whether events were recorded, too; replay only. @throws CtflowError CTFLOW_RECORDING where it cannot be read */
  hasEvents?(): Promise<boolean>;
  /** The text of a file under /proc/sys/net/netfilter/ in the source's namespace, undefined where there is none. */
  sysctl(name: string): string | undefined;
  /** Writes such a file. @throws the system's error, or where there is no kernel behind the source */
  setSysctl(name: string, value: string): void;
  /**
   * Addresses of the interfaces in the source's namespace, as text. Absent where nothing is known of them.
   * @throws CtflowError CTFLOW_NETLINK, CTFLOW_NAMESPACE
   */
  localAddresses?(): readonly string[];
  /** The interfaces there; absent where nothing is known of them. @throws as {@link localAddresses} */
  interfaces?(): readonly InterfaceName[];
  /** What the kernel counts of its table there; absent where there is no kernel. @throws as {@link localAddresses}, CTFLOW_PROCFS */
  statistics?(): TableStatistics | undefined;
  /** The flowtables of nftables there; absent where nobody can tell, undefined while there is no namespace. @throws as {@link localAddresses} */
  flowtables?(): readonly Flowtable[] | undefined;
  /**
   * Who knows through which interfaces flows go there; the same one until the namespace is another one. Absent where nobody does,
   * undefined while there is no namespace.
   * @param ctmark the connection's mark is that of its packets
   * @throws as {@link localAddresses}
   */
  routes?(ctmark: boolean): RouteLookup | undefined;
  /**
   * Who knows whose sockets are the ends of connections there; the same one until the namespace is another one. Absent where nobody
   * does, undefined while there is no namespace.
   * @throws as {@link localAddresses}
   */
  owners?(): SocketOwners | undefined;
  /** What its connections lack, in a sentence; absent where they have what conntrack has. @throws as {@link dump} */
  lacks?(): Promise<string | undefined>;
  close(): void;
}

/** Whether it is the kernel's own table, whose settings, rules and statistics say something about it. */
export function isOfKernel({ kind }: Pick<Source, 'kind'>): boolean {
  return kind === 'netlink' || kind === 'procfs';
}

/** One that forwards packets past conntrack. */
export interface Flowtable {
  /** As nft names it: `inet filter f`. */
  readonly name: string;
  /** It has `counter`: what it forwards is counted in the entries of conntrack. */
  readonly counts: boolean;
}

/** Looks up through which interfaces flows go, by the routes as they are now. */
export interface RouteLookup {
  /**
   * Writes ingress and egress of each slot to `out`, two words a slot, 0 for what is not known. What was asked before is known;
   * so much more is asked in one call, and of the other slots nothing is known.
   * @param rows of a store; @param reasons of each slot; one with 0 is left as it is; @param count of the slots
   * @throws CtflowError CTFLOW_NETLINK
   */
  look(rows: Uint8Array, slots: Uint32Array, reasons: Uint8Array, count: number, out: Uint32Array): void;
  counts(): RouteCounts;
}

/** Counted for each record, not for each flow. */
export interface RouteCounts {
  /** Questions to the kernel. */
  readonly asked: number;
  /** Times that the answers were forgotten, as a route, rule, nexthop, link or address had changed. */
  readonly forgotten: number;
  /** Interfaces that are not in a record, as there is no route. */
  readonly unreachable: number;
  /** The same, as it could be one or another. */
  readonly ambiguous: number;
  /** Records without interfaces, as too much was asked at once. */
  readonly postponed: number;
  /** The same, as the kernel could not be asked. */
  readonly failed: number;
}

/** Looks up whose sockets there are at the ends of connections that are in the kernel's table now. */
export interface SocketOwners {
  /**
   * One call at a time.
   * @param rows of a store or a batch, which are copied; @param slots of connections of TCP and UDP in no zone
   * @throws CtflowError CTFLOW_NETLINK, CTFLOW_PERMISSION
   */
  look(rows: Uint8Array, slots: Uint32Array): Promise<LookedOwners>;
  counts(): OwnerCounts;
}

export interface LookedOwners {
  /** Two numbers a slot, of its source and destination: 0 for not known, else that of an owner, and 1 more. */
  readonly found: Uint32Array;
  readonly owners: readonly SocketOwner[];
  /** Milliseconds of CPU that the look has taken. */
  readonly cpu: number;
}

/** Who has a socket. */
export interface SocketOwner {
  /** Number of the user that has made or accepted it. */
  readonly user: number;
  /** The path of its creator's cgroup in the tree of version 2; empty where it is not known. */
  readonly cgroup: string;
  /** The program that has it open; empty where it is not known, or is one of several. */
  readonly command: string;
}

export interface OwnerCounts {
  /** Times that sockets were read. */
  readonly looks: number;
  /** Sockets that were read. */
  readonly sockets: number;
  /** Connections that were looked for. */
  readonly connections: number;
  /** Ends that have an owner. */
  readonly named: number;
  /** Connections of which no end has a socket that a process has. */
  readonly without: number;
  /** Ends that could be of one socket or another. */
  readonly ambiguous: number;
  /** Ends of UDP whose socket was not seen before the connection began. */
  readonly unproven: number;
  /** Connections that had ended meanwhile, or have no start time to be known by. */
  readonly ended: number;
  /** Milliseconds of CPU. */
  readonly cpu: number;
}

/** Gets what comes from the kernel as it came. It takes what it wants at once: the bytes are valid until it returns. */
export interface DumpTap {
  /** A dump is requested. @returns whether its bytes are wanted */
  beginDump(): boolean;
  /** Netlink bytes of the dump that was begun, in order. */
  dumped(netlink: Uint8Array): void;
}

/** Which connections of which namespace. */
export interface KernelOptions {
  filter: ConnectionFilter;
  /** Also connections whose mark or status does not match: who knows a connection already wants it whatever they are now. */
  anyMarkAndStatus?: boolean;
  /** Name under /run/netns or a path; only native can enter one. */
  netns?: string;
  /** Also gets the dumps; native only. */
  tap?: DumpTap | undefined;
}
