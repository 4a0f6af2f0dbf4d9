import { ADDRESS_FACTS, FLOW_NAMES, POD_FACTS, RULE_WORDS } from '../../encoder/columns.js';
import { AS_NUMBER, COUNTRY, DNS_NAME, SIDES } from '../../inventory/addresses/address-facts.js';
import { LABELS, WORKLOAD } from '../../inventory/flow-pods.js';
import { FACTS_OF_ADDRESS, FACTS_OF_POD } from '../../ipfix/details.js';
import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import { formatIPv4, formatIPv6 } from '../../common/address.js';
import { readNumber } from '../../common/u64.js';
import { DCCP_STATES, SCTP_STATES, STATUS_BITS } from '../../row/conntrack.js';
import { ORIGINAL } from '../../row/direction.js';
import * as row from '../../row/layout.generated.js';
import { AF_INET6, protocolName } from '../../row/protocol.js';
import type { ConnectionTable } from '../../store/connection-table.js';
import type { ConnectionLine, DeniedLine } from './page.js';

const COUNTED = row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS;
const SEEN_REPLY = STATUS_BITS.get('SEEN_REPLY')!;
const ASSURED = STATUS_BITS.get('ASSURED')!;
/** Where a flow has its names, of FLOW_NAMES: pod, namespace and node of a side, and its service. */
const [POD, NAMESPACE, NODE] = [0, 1, 2];
export const SOURCE_SIDE = 0;
export const DESTINATION_SIDE = 3;
export const SERVICE = 6;
/** Where a rule has its names, of RULE_WORDS: policy, namespace, rule. */
const [POLICY, RULE] = [1, 3];

/** Facts of flows for people, by slot: made for those that are shown, one by one. */
export class FlowDescriber {
  readonly #table: ConnectionTable;
  readonly #halves: Uint16Array;
  readonly #extras: Flows['extras'];
  readonly #names: NameTable;

  constructor({ store, extras }: Flows, names: NameTable) {
    this.#table = store.table;
    this.#halves = new Uint16Array(store.table.rows.buffer, store.table.rows.byteOffset);
    this.#extras = extras;
    this.#names = names;
  }

  /** @param rate bytes a second, NaN where it is not known; @param now milliseconds since 1970 */
  connection(slot: number, rate: number, now: number): ConnectionLine {
    const table = this.#table;
    const at = slot * row.ROW_WORDS;
    const present = table.rows[at + row.PRESENT_WORD];
    const counters = this.#counters(slot);
    const zone = this.#zone(slot, present);
    const sourceName = this.#sideName(slot, SOURCE_SIDE);
    const destinationName = this.#sideName(slot, DESTINATION_SIDE);
    const service = this.#name(slot, SERVICE);
    return {
      ...this.#ends(slot),
      state: stateName(present, table.bytes[slot * row.ROW_SIZE + row.STATE], table.rows[at + row.STATUS_WORD]),
      ...(zone !== undefined && { zone }),
      ...(sourceName !== '' && { sourceName }),
      ...(destinationName !== '' && { destinationName }),
      ...(service !== '' && { service }),
      ...this.#pods(slot),
      ...this.#addresses(slot),
      ...this.#dnsNames(slot, now),
      ...(present & COUNTED && counters),
      ...(!Number.isNaN(rate) && { rate }),
      age: Math.max(now - table.startMs(slot), 0),
    };
  }

  denied(slot: number, now: number): DeniedLine {
    const { rules, ruleFacts } = this.#extras;
    const rule = rules?.[slot] ?? 0;
    const nameAt = (word: number): string => this.#text(ruleFacts?.[rule * RULE_WORDS + word] ?? 0);
    return {
      ...this.#ends(slot),
      rule: rule === 0 ? '' : nameAt(RULE) || nameAt(POLICY),
      ...this.#counters(slot),
      age: Math.max(now - this.#table.startMs(slot), 0),
    };
  }

  /** The name of one side: NAMESPACE/POD, or the node. */
  #sideName(slot: number, side: number): string {
    const pod = this.#name(slot, side + POD);
    if (pod === '') return this.#name(slot, side + NODE);
    const namespace = this.#name(slot, side + NAMESPACE);
    return namespace === '' ? pod : `${namespace}/${pod}`;
  }

  #pods(slot: number): Partial<ConnectionLine> {
    const { podFacts: facts } = this.#extras;
    if (!facts) return {};
    const textAt = (fact: number): string => this.#text(facts[slot * POD_FACTS + fact]);
    const [sourceWorkload, destinationWorkload] = [textAt(WORKLOAD), textAt(FACTS_OF_POD + WORKLOAD)];
    const [sourceLabels, destinationLabels] = [textAt(LABELS), textAt(FACTS_OF_POD + LABELS)];
    return {
      ...(sourceWorkload !== '' && { sourceWorkload }),
      ...(destinationWorkload !== '' && { destinationWorkload }),
      ...(sourceLabels !== '' && { sourcePodLabels: JSON.parse(sourceLabels) as Record<string, string> }),
      ...(destinationLabels !== '' && {
        destinationPodLabels: JSON.parse(destinationLabels) as Record<string, string>,
      }),
    };
  }

  #addresses(slot: number): Partial<ConnectionLine> {
    const { addressFacts: facts } = this.#extras;
    if (!facts) return {};
    const source = slot * ADDRESS_FACTS;
    const destination = source + FACTS_OF_ADDRESS;
    return {
      ...(facts[source + AS_NUMBER] !== 0 && { sourceAsNumber: facts[source + AS_NUMBER] }),
      ...(facts[destination + AS_NUMBER] !== 0 && { destinationAsNumber: facts[destination + AS_NUMBER] }),
      ...(facts[source + COUNTRY] !== 0 && { sourceCountry: this.#text(facts[source + COUNTRY]) }),
      ...(facts[destination + COUNTRY] !== 0 && { destinationCountry: this.#text(facts[destination + COUNTRY]) }),
    };
  }

  #dnsNames(slot: number, now: number): Partial<ConnectionLine> {
    const { addressFacts: facts, namedAt } = this.#extras;
    if (!facts || !namedAt) return {};
    const [source, destination] = [0, 1].map(side => {
      const name = this.#text(facts[slot * ADDRESS_FACTS + side * FACTS_OF_ADDRESS + DNS_NAME]);
      return { name, age: Math.max(now - namedAt[slot * SIDES + side], 0) };
    });
    return {
      ...(source.name !== '' && { sourceDnsName: source.name, sourceDnsAge: source.age }),
      ...(destination.name !== '' && { destinationDnsName: destination.name, destinationDnsAge: destination.age }),
    };
  }

  #name(slot: number, which: number): string {
    const { names } = this.#extras;
    return names ? this.#text(names[slot * FLOW_NAMES + which]) : '';
  }

  #text(number: number): string {
    return this.#names.text(number);
  }

  #zone(slot: number, present: number): number | undefined {
    if (!(present & (row.HAS_ORIG_ZONE | row.HAS_REPLY_ZONE))) return undefined;
    const offset = present & row.HAS_ORIG_ZONE ? row.ORIG_ZONE : row.REPLY_ZONE;
    return this.#halves[(slot * row.ROW_SIZE + offset) >> 1];
  }

  #ends(slot: number): Pick<ConnectionLine, 'protocol' | 'source' | 'destination'> {
    const { bytes, rows } = this.#table;
    const at = slot * row.ROW_SIZE;
    const ports = (rows[slot * row.ROW_WORDS + row.PRESENT_WORD] & row.HAS_PORTS) !== 0;
    const six = bytes[at + row.FAMILY] === AF_INET6;
    const end = (address: number, port: number): string => {
      const text = (six ? formatIPv6 : formatIPv4)(bytes, at + address);
      if (!ports) return text;
      return `${six ? `[${text}]` : text}:${this.#halves[(at + port) >> 1]}`;
    };
    return {
      protocol: protocolName(bytes[at + row.PROTOCOL]),
      source: end(ORIGINAL.source, ORIGINAL.sourcePort),
      destination: end(ORIGINAL.destination, ORIGINAL.destinationPort),
    };
  }

  #counters(slot: number): { packets: number; bytes: number } {
    const { rows } = this.#table;
    const at = slot * row.ROW_WORDS;
    return {
      packets: readNumber(rows, at + row.ORIG_PACKETS_WORD) + readNumber(rows, at + row.REPLY_PACKETS_WORD),
      bytes: readNumber(rows, at + row.ORIG_OCTETS_WORD) + readNumber(rows, at + row.REPLY_OCTETS_WORD),
    };
  }
}

/** That of its protocol, else what the kernel thinks of its replies. @param present HAS_ flags of the row */
export function stateName(present: number, state: number, status: number): string {
  const names =
    present & row.HAS_TCP_STATE
      ? row.TCP_STATES
      : present & row.HAS_SCTP_STATE
        ? SCTP_STATES
        : present & row.HAS_DCCP_STATE
          ? DCCP_STATES
          : undefined;
  if (names) return names[state] ?? String(state);
  return status & ASSURED ? 'ASSURED' : status & SEEN_REPLY ? 'REPLIED' : 'UNREPLIED';
}
