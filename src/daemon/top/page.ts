import type { PortRange } from '../../config/snat-ports.js';
import type { KernelTable } from '../kernel-table.js';
import type { TableForecast } from '../table-growth.js';

/** A connection for people. What is not known is absent. */
export interface ConnectionLine {
  readonly protocol: string;
  readonly state: string;
  /** `192.0.2.1:443`, `[2001:db8::1]:443`; an address alone where the protocol has no ports. */
  readonly source: string;
  readonly destination: string;
  readonly zone?: number;
  /** Pod as NAMESPACE/POD, or node, by the inventory. */
  readonly sourceName?: string;
  readonly destinationName?: string;
  readonly service?: string;
  /** What the pods belong to, such as `deployment/web`, by the API server. */
  readonly sourceWorkload?: string;
  readonly destinationWorkload?: string;
  /** Labels of the pods, those that are kept. */
  readonly sourcePodLabels?: Readonly<Record<string, string>>;
  readonly destinationPodLabels?: Readonly<Record<string, string>>;
  /** Where the addresses are, by GeoIP: the autonomous system's number, and ISO 3166's two letters. */
  readonly sourceAsNumber?: number;
  readonly destinationAsNumber?: number;
  readonly sourceCountry?: string;
  readonly destinationCountry?: string;
  /** By the DNS, and how long ago that was said, milliseconds. */
  readonly sourceDnsName?: string;
  readonly sourceDnsAge?: number;
  readonly destinationDnsName?: string;
  readonly destinationDnsAge?: number;
  /** Both directions. */
  readonly packets?: number;
  readonly bytes?: number;
  /** Bytes a second, both directions, between the last two polls. */
  readonly rate?: number;
  /** Milliseconds. */
  readonly age: number;
}

/** Connections that have something in common. */
export interface GroupLine {
  /** An address, a zone, a service, a name, a state and others; empty for those that have none. */
  readonly name: string;
  readonly connections: number;
  /** Of remaining timeouts, which of them; absent where they are not known. */
  readonly timeout?: TimeoutSpan;
  /** Of translated sources, between which ends. */
  readonly snat?: SnatEnds;
  /** The ports that these may have, where the settings say so and no filter leaves some out. */
  readonly range?: PortRange;
  /** Sums of those connections where they are known. */
  readonly packets?: number;
  readonly bytes?: number;
  readonly rate?: number;
  /** Milliseconds; that of the oldest. */
  readonly age: number;
}

/** Seconds. */
export interface TimeoutSpan {
  readonly from: number;
  /** Absent for all that are longer. */
  readonly below?: number;
}

/** Connections with translated sources that must have different ports. */
export interface SnatEnds {
  readonly protocol: string;
  /** The address that the source was translated to. */
  readonly external: string;
  readonly remote: string;
  readonly remotePort: number;
  /** That of the replies, where it is not 0. */
  readonly zone?: number;
}

/** Packets of one tuple that one rule has denied. */
export interface DeniedLine {
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  /** By its log prefix. */
  readonly rule: string;
  readonly packets: number;
  readonly bytes: number;
  /** Milliseconds since the first packet. */
  readonly age: number;
}

/** What a screen shows, and no more. */
export interface TopPage {
  /** Connections that the kernel has. */
  readonly connections: number;
  /** Those that the filter takes. */
  readonly matching: number;
  /** Those of them whose counters are known. */
  readonly counted: number;
  /** The kernel's table. */
  readonly table?: KernelTable;
  /** How it fills; absent until it was looked at twice. */
  readonly forecast?: TableForecast;
  /** net.netfilter.nf_conntrack_acct; absent where it cannot be read. */
  readonly accounting?: boolean;
  /** Milliseconds between the two polls that rates are from; absent until the second one. */
  readonly rateSpan?: number;
  /** Polls that were made. */
  readonly polls: number;
  /** Where connections are not grouped. */
  readonly lines?: readonly ConnectionLine[];
  /** Where they are: how many there are, the first of them, and connections that found no room in any. */
  readonly groups?: { readonly count: number; readonly lines: readonly GroupLine[]; readonly leftOut: number };
  /** Where denied packets are received. */
  readonly denied?: { readonly flows: number; readonly matching: number; readonly lines: readonly DeniedLine[] };
}
