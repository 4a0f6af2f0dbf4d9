import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { NatLedger } from './nat-ledger.js';
import type { Count } from '../src/cli/demo/traffic/loopback-count.js';

/** Pairs of elements: what was reported since the last record, and since the flow began. Packets first, then octets. */
const COUNTERS = [
  ['packetDeltaCount', 'packetTotalCount'],
  ['octetDeltaCount', 'octetTotalCount'],
  ['reversePacketDeltaCount', 'reversePacketTotalCount'],
  ['reverseOctetDeltaCount', 'reverseOctetTotalCount'],
] as const;

/** What the collector received of one flow; numbers in the order of COUNTERS. */
export interface ReceivedFlow {
  records: number;
  readonly deltas: number[];
  /** The highest that was reported. */
  readonly totals: number[];
}

/** Flows by their id, and what the collector received of them. */
export class ReceivedFlows {
  readonly byId = new Map<string, ReceivedFlow>();
  records = 0;

  get count(): number {
    return this.byId.size;
  }

  add(id: string, record: Readonly<Record<string, unknown>>): void {
    this.records++;
    let flow = this.byId.get(id);
    if (!flow) this.byId.set(id, (flow = { records: 0, deltas: [0, 0, 0, 0], totals: [0, 0, 0, 0] }));
    flow.records++;
    for (const [i, [delta, total]] of COUNTERS.entries()) {
      flow.deltas[i] += Number(record[delta] ?? 0);
      flow.totals[i] = Math.max(flow.totals[i], Number(record[total] ?? 0));
    }
  }

  /** The deltas of all records. */
  exported(): Count {
    return this.#sum(({ deltas }, i) => deltas[i]);
  }

  /** The last totals of all flows. */
  totals(): Count {
    return this.#sum(({ totals }, i) => totals[i]);
  }

  /** What the deltas of a flow lack of its own total. */
  lacking(): Count {
    return this.#sum(({ deltas, totals }, i) => Math.max(totals[i] - deltas[i], 0));
  }

  /** What the deltas of a flow have above its own total. */
  repeated(): Count {
    return this.#sum(({ deltas, totals }, i) => Math.max(deltas[i] - totals[i], 0));
  }

  #sum(counter: (flow: ReceivedFlow, i: number) => number): Count {
    let packets = 0;
    let octets = 0;
    for (const flow of this.byId.values()) {
      packets += counter(flow, 0) + counter(flow, 2);
      octets += counter(flow, 1) + counter(flow, 3);
    }
    return { packets, octets };
  }
}

/** firewallEvent of a flow that was denied (IE 233). */
const DENIED = 3;
/** What tells denied flows apart. */
const DENIED_KEY = [
  'protocolIdentifier',
  'sourceIPv4Address',
  'sourceIPv6Address',
  'destinationIPv4Address',
  'destinationIPv6Address',
  'sourceTransportPort',
  'destinationTransportPort',
  'flowStartMilliseconds',
];

/** Observation domains of destinations beside the first: one with a filter, one that sums up. */
export const FILTERED = 2;
export const SUMS = 3;

/** Everything that the collector wrote, flow by flow. */
export class Ledger {
  readonly connections = new ReceivedFlows();
  readonly denied = new ReceivedFlows();
  /** Of other destinations, by their observation domain: all that their records count, and how many these are. */
  readonly others = new Map<number, Count & { readonly records: number }>();
  readonly nat = new NatLedger();

  /** Flow records of both. */
  get records(): number {
    return this.connections.records + this.denied.records;
  }

  /** Adds a file of `ctflow collect --format json`. A last line that was torn when its writer was killed is left out. */
  async read(file: string): Promise<void> {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      if (line.endsWith('}')) this.add(JSON.parse(line) as Record<string, unknown>);
    }
  }

  /** Adds a record; one that is no flow's is left out. */
  add(record: Readonly<Record<string, unknown>>): void {
    const domain = Number(record['observationDomain']);
    if (domain === FILTERED || domain === SUMS) this.#addToOther(domain, record);
    else if (record['natEvent'] !== undefined) this.nat.add(record);
    else if (record['firewallEvent'] === DENIED) this.denied.add(DENIED_KEY.map(name => record[name]).join(), record);
    else if (record['flowId'] !== undefined) this.connections.add(String(record['flowId']), record);
  }

  #addToOther(domain: number, record: Readonly<Record<string, unknown>>): void {
    if (record['packetDeltaCount'] === undefined) return;
    const [packets, octets, replyPackets, replyOctets] = COUNTERS.map(([delta]) => Number(record[delta] ?? 0));
    const before = this.others.get(domain) ?? { packets: 0, octets: 0, records: 0 };
    this.others.set(domain, {
      packets: before.packets + packets + replyPackets,
      octets: before.octets + octets + replyOctets,
      records: before.records + 1,
    });
  }
}
