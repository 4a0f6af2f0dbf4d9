import { FACTS_OF_ADDRESS, FACTS_OF_POD } from '../ipfix/details.js';

/** What records are written from: the facts of a store's flows, by slot. Memory that stays where it is. */
export interface FlowColumns {
  /** Rows of ROW_SIZE bytes, as ConnectionTable has them. */
  readonly rows: Uint8Array;
  readonly flags: Uint8Array;
  /** Names of helpers, sixteen bytes each. */
  readonly helpers: Uint8Array;
  /** What slots that are ZEROED had counted before, eight words each. */
  readonly zeroed: Uint32Array;
  readonly extras: FlowExtras;
}

/** Facts about flows that no row of the kernel holds, each where somebody knows it. */
export interface FlowExtras {
  /** Seven numbers of names each: pod, namespace and node of either side, and the service port. */
  readonly names?: Uint32Array;
  /** flowType, where there are names. */
  readonly types?: Uint8Array;
  /** TCP states that it went through: four bits each, the oldest in the lowest. */
  readonly states?: Uint32Array;
  /** Number of the rule that has denied a packet of it, or by which it is allowed; 0 for none. */
  readonly rules?: Uint16Array;
  /** Of each rule RULE_WORDS words: forwardingStatus | action << 8 | ingress << 16, and its names: policy, namespace, rule. */
  readonly ruleFacts?: Uint32Array;
  /** Rules may be such that allow. */
  readonly policies?: true;
  /** Rows have the times of handshakes of TCP. */
  readonly handshakes?: true;
  /** Two interfaces each, ingress and egress of the original direction; 0 for what is not known. */
  readonly interfaces?: Uint32Array;
  /** Numbers of the owners of source and destination, two each; 0 for what is not known. */
  readonly owners?: Uint32Array;
  /** Of each owner OWNER_WORDS names. */
  readonly ownerFacts?: Uint32Array;
  /** ADDRESS_FACTS words each: AS number, country and DNS name of the source's address, then of the destination's; 0 for what is not known. */
  readonly addressFacts?: Uint32Array;
  /** Which of these may be known. */
  readonly asNumbers?: true;
  readonly countries?: true;
  /** POD_FACTS names each: workload and labels of the source's pod, then of the destination's. */
  readonly podFacts?: Uint32Array;
  /** Labels are among them. */
  readonly podLabels?: true;
  /** When the DNS names of both addresses came, milliseconds since 1970; where names are asked for. */
  readonly namedAt?: Float64Array;
  /** Looks the interfaces of these slots up, before they are encoded. @param reasons of each; none is wanted where it is 0 */
  readonly findInterfaces?: (slots: Uint32Array, reasons: Uint8Array, count: number) => void;
}

/** Names of a flow. */
export const FLOW_NAMES = 7;
/** Interfaces of a flow. */
export const FLOW_INTERFACES = 2;
/** Owners of a flow, and names of an owner: user, cgroup, unit, container, its name, pod, command. */
export const FLOW_OWNERS = 2;
export const OWNER_WORDS = 7;
/** Facts of the addresses of a flow: of each its AS number, and the names of its country and in the DNS. */
export const ADDRESS_FACTS = 2 * FACTS_OF_ADDRESS;
/** Facts of the pods of a flow: of each the names of its workload, and of its labels. */
export const POD_FACTS = 2 * FACTS_OF_POD;
/** Words of a rule. */
export const RULE_WORDS = 4;
/** Of its first word: the packets come in, by that rule. */
export const RULE_INGRESS = 1 << 16;

/** Whether the rule of this number denies; one that nobody knows does. */
export function denies(ruleFacts: Uint32Array | undefined, rule: number): boolean {
  return rule !== 0 && (!ruleFacts || ((ruleFacts[rule * RULE_WORDS] >>> 8) & 0xff) !== RULE_ALLOWS);
}

const RULE_ALLOWS = 1;
/** Flag of a slot: its counters were set to zero in the kernel. */
export const ZEROED = 8;
/** Flags of a slot: only the original source is an address of this host, or only the destination. */
export const FROM_HOST = 16;
export const TO_HOST = 32;

// of what a destination has exported of a slot, a cache line each
export const EXPORTED_SIZE = 64;
export const EXPORTED_COUNTERS = 24;
export const LAST_REASON = 56;
export const LAST_STATE = 57;
/** Whether the connection has counted since: NEWS_UNKNOWN, or sure. An encoder sets NEWS_NONE. */
export const NEWS = 58;
export const NEWS_UNKNOWN = 0;
export const NEWS_NONE = 1;
export const NEWS_COUNTED = 2;
/** What the destination's filter says of the connection; encoders leave it. */
export const VISIBLE = 59;
export const SHOWN = 0;
/** Not yet exported: the filter is asked again. */
export const NOT_SHOWN = 1;
/** Never exported. */
export const LEFT_OUT = 2;
