import { STATUS_BITS } from '../../row/conntrack.js';
import * as row from '../../row/layout.generated.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../row/protocol.js';
import * as details from '../details.js';
import type { Detail } from '../details.js';

/** What only some records have, and elements of a list depend on. */

export const SOURCE_POD = names('source pod', 0, 1);
export const SOURCE_NODE = names('source node', 2);
export const DESTINATION_POD = names('destination pod', 3, 4);
export const DESTINATION_NODE = names('destination node', 5);
export const TYPE: Detail = { test: details.TEST_TYPE, argument: 0, name: 'flow type' };
export const TCP_STATE: Detail = { test: details.TEST_PRESENT, argument: row.HAS_TCP_STATE, name: 'TCP state' };
export const STATUS: Detail = { test: details.TEST_PRESENT, argument: row.HAS_STATUS, name: 'status' };
/** Of the status, procfs has this part too. */
export const OFFLOAD_KNOWN: Detail = {
  test: details.TEST_PRESENT,
  argument: row.HAS_STATUS | row.HAS_STATUS_PART,
  name: 'offload',
};
export const OFFLOADED: Detail = {
  test: details.TEST_STATUS,
  argument: STATUS_BITS.get('OFFLOAD')! | STATUS_BITS.get('HW_OFFLOAD')!,
  name: 'offloaded',
};
export const HANDSHAKE_SEEN: Detail = { test: details.TEST_WORD, argument: row.EVENT, name: 'TCP handshake' };
export const TCP: Detail = { test: details.TEST_PORTS_OF, argument: IPPROTO_TCP, name: 'TCP' };
export const UDP: Detail = { test: details.TEST_PORTS_OF, argument: IPPROTO_UDP, name: 'UDP' };
export const SOURCE_OWNER = owner('source owner', details.OWNER_OF_SOURCE);
export const DESTINATION_OWNER = owner('destination owner', details.OWNER_OF_DESTINATION);
export const ANY_OWNER = owner('owner', details.OWNER_OF_SOURCE | details.OWNER_OF_DESTINATION);
/** By side and what is known of its address. */
export const ADDRESSES = {
  source: addressDetails('source', 0),
  destination: addressDetails('destination', details.FACTS_OF_ADDRESS),
} as const;
/** By side and what is known of its pod. */
export const PODS = {
  source: podDetails('source', 0),
  destination: podDetails('destination', details.FACTS_OF_POD),
} as const;
export const INGRESS_RULE = rules('ingress', 0);
export const EGRESS_RULE = rules('egress', details.RULE_EGRESS);

/** Each of a flow's names has a bit. */
function names(name: string, ...numbers: number[]): Detail {
  return { test: details.TEST_NAMES, argument: numbers.reduce((all, number) => all | (1 << number), 0), name };
}

function owner(name: string, sides: number): Detail {
  return { test: details.TEST_OWNER, argument: sides, name };
}

/** @param first of the facts of this address */
function addressDetails(side: string, first: number): Record<'asNumber' | 'country' | 'dnsName', Detail> {
  const one = (what: string, fact: number): Detail => ({
    test: details.TEST_ADDRESS,
    argument: first + fact,
    name: `${side} ${what}`,
  });
  return { asNumber: one('AS number', 0), country: one('country', 1), dnsName: one('DNS name', 2) };
}

/** @param first of the facts of this pod */
function podDetails(side: string, first: number): Record<'workload' | 'labels', Detail> {
  const one = (what: string, fact: number): Detail => ({
    test: details.TEST_POD,
    argument: first + fact,
    name: `${side} ${what}`,
  });
  return { workload: one('workload', 0), labels: one('pod labels', 1) };
}

/** What is known of a rule for one direction: that there is one, and each of its names. */
function rules(name: string, direction: number): Record<'action' | 'policy' | 'namespace' | 'rule', Detail> {
  const one = (what: string, word?: number): Detail => ({
    test: details.TEST_RULE,
    argument: direction | (word === undefined ? 0 : details.RULE_NAME << word),
    name: `${name} ${what}`,
  });
  return { action: one('action'), policy: one('policy', 0), namespace: one('namespace', 1), rule: one('rule', 2) };
}
