import { formatHostPort } from '../../common/endpoint.js';
import { ACTIVE_TIMEOUT, END_OF_FLOW, IDLE_TIMEOUT, LACK_OF_RESOURCES } from '../../store/end-reason.js';
import { IPPROTO_ICMPV6, protocolName } from '../../row/protocol.js';
import type { Count } from './traffic/loopback-count.js';

/** What the board reads of a collected record: element values by name. */
export interface FlowRecord {
  get(name: string): unknown;
}

/** One connection as its records show it. Pairs are original and reply direction. */
export interface Flow {
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  /** What NAT made of it, where it did. */
  readonly nat: string | undefined;
  packets: [number, number];
  octets: [number, number];
  state: string;
  records: number;
  /** The count of all records when the last of this connection came. */
  last: number;
}

const OPEN = 'active';
const STATES: Readonly<Record<number, string>> = {
  [IDLE_TIMEOUT]: 'idle',
  [ACTIVE_TIMEOUT]: OPEN,
  [END_OF_FLOW]: 'ended',
  [LACK_OF_RESOURCES]: 'evicted',
};

/** The connections that the collector has received, and the sum of every delta that came with them. */
export class FlowBoard {
  records = 0;
  readonly #flows = new Map<string, Flow>();
  #fresh: Flow[] = [];
  #packets = 0;
  #octets = 0;

  /** Takes in one flow record. */
  add(record: FlowRecord): void {
    this.records++;
    const key = String(record.get('flowId'));
    let flow = this.#flows.get(key);
    if (!flow) {
      flow = describe(record);
      this.#flows.set(key, flow);
      this.#fresh.push(flow);
    }
    const packets = pair(record, 'packetDeltaCount', 'reversePacketDeltaCount');
    const octets = pair(record, 'octetDeltaCount', 'reverseOctetDeltaCount');
    for (const way of [0, 1]) {
      flow.packets[way] += packets[way];
      flow.octets[way] += octets[way];
      this.#packets += packets[way];
      this.#octets += octets[way];
    }
    flow.state = STATES[number(record, 'flowEndReason')] ?? 'open';
    flow.records++;
    flow.last = this.records;
  }

  get connections(): number {
    return this.#flows.size;
  }

  /** The deltas of all records, both directions. */
  total(): Count {
    return { packets: this.#packets, octets: this.#octets };
  }

  /**
   * The latest of each kind first, then the second latest of each, and so on, so that every kind has its share of a short
   * list. Connections of one protocol to one destination are of a kind.
   */
  top(limit: number): Flow[] {
    const byKind = new Map<string, Flow[]>();
    for (const flow of this.#flows.values()) {
      const kind = `${flow.protocol} ${flow.destination}`;
      const flows = byKind.get(kind);
      if (flows) flows.push(flow);
      else byKind.set(kind, [flow]);
    }
    const kinds = [...byKind.values()];
    for (const flows of kinds) flows.sort((a, b) => b.last - a.last);
    const top: Flow[] = [];
    for (let rank = 0; top.length < Math.min(limit, this.#flows.size); rank++) {
      for (const flows of kinds) if (flows.length > rank) top.push(flows[rank]);
    }
    return top.slice(0, limit);
  }

  /** The connections that came up since the last call. */
  takeFresh(): Flow[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}

function describe(record: FlowRecord): Flow {
  const version = record.get('sourceIPv4Address') === undefined ? 'IPv6' : 'IPv4';
  const number = Number(record.get('protocolIdentifier'));
  const protocol = number === IPPROTO_ICMPV6 ? 'icmp6' : protocolName(number);
  const source = endpoint(record, `source${version}Address`, 'sourceTransportPort');
  const destination = endpoint(record, `destination${version}Address`, 'destinationTransportPort');
  const natSource = endpoint(record, `postNATSource${version}Address`, 'postNAPTSourceTransportPort');
  const natDestination = endpoint(record, `postNATDestination${version}Address`, 'postNAPTDestinationTransportPort');
  const nat: string[] = [];
  if (natSource && natSource !== source) nat.push(`from ${natSource}`);
  if (natDestination && natDestination !== destination) nat.push(`to ${natDestination}`);
  return {
    protocol,
    source,
    destination,
    nat: nat.length > 0 ? nat.join(', ') : undefined,
    packets: [0, 0],
    octets: [0, 0],
    state: OPEN,
    records: 0,
    last: 0,
  };
}

/** `host:port`, the host alone where there is no port, the empty string where there is no host. */
function endpoint(record: FlowRecord, address: string, port: string): string {
  const host = record.get(address);
  const number = record.get(port);
  if (host === undefined) return '';
  return number === undefined ? String(host) : formatHostPort(String(host), Number(number));
}

function pair(record: FlowRecord, forward: string, reverse: string): [number, number] {
  return [number(record, forward), number(record, reverse)];
}

/** Exact up to 2^53, which no demonstration reaches. */
function number(record: FlowRecord, name: string): number {
  return Number(record.get(name) ?? 0);
}
