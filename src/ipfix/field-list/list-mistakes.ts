import { nearest } from '../../common/nearest.js';
import { U16_MAX, U32_MAX } from '../../common/unsigned.js';
import { REVERSE, type Element } from '../element.js';
import { antreaFields } from '../profile-antrea.js';
import { elementById, elementByName, isElementName } from '../registry.js';
import * as shape from '../shape.js';
import { detailedFields, needOf, shapedFields, type ListContext, type Need } from './elements.js';
import { UNREGISTERED, type DetailedField } from './own-elements.js';

export const EVERY_BIT = shape.STANDARD | shape.SERVICE | shape.INGRESS | shape.EGRESS;
/** An element as a list names it: `tcpState=12345/7`. */
const OWN_ELEMENT = /^(\w{1,64})=(\d{1,10})\/(\d{1,5})$/;
const MOST_ID = U16_MAX >> 1;
const NEEDS: Readonly<Record<Need, string>> = {
  inventory: '--inventory',
  denied: '--nflog-group',
  tcpStates: '--tcp-state-history',
  handshakes: '--events all',
  owners: '--owners',
  asNumbers: '--geoip-asn',
  countries: '--geoip-country',
  dnsNames: '--dns-names',
  workloads: '--kubernetes',
  podLabels: '--kubernetes-labels',
  interfaces: '--interfaces',
};

/** What is wrong with a list of elements. */
export interface ListMistake {
  readonly what: string;
  readonly hint: string;
  /** The element's place in the list; of the list as a whole undefined. */
  readonly item?: number;
  /** The setting that is lacking. */
  readonly need?: Need;
}

/** What is wrong with each element by itself, or else that a record could have none of them. */
export function listMistakes(names: readonly string[], context: ListContext): ListMistake[] {
  const possible = fillable(context);
  const seen = new Set<string>();
  const found = names.flatMap((name, item): ListMistake[] => {
    const own = name.includes('=') ? ownElement(name) : undefined;
    const mistake = own ? ('what' in own ? own : lacking(name, own.name, context)) : mistakeOf(name, possible, context);
    if (mistake) return [{ ...mistake, item }];
    const { enterprise, id } = own && 'id' in own ? own : elementByName(name);
    const number = `${enterprise}/${id}`;
    if (seen.has(number)) return [{ what: `'${name}' is given twice`, hint: 'Give it once', item }];
    seen.add(number);
    return [];
  });
  if (found.length > 0) return found;
  const everywhere = [...shapedFields(0, context).keys()].filter(name =>
    shapedFields(shape.IPV6 | shape.LONG, context).has(name),
  );
  if (names.some(name => everywhere.includes(name))) return [];
  const what = 'these elements are in some records alone, and others would be empty';
  return [{ what, hint: `Add one that every record has: ${everywhere.join(', ')}` }];
}

/** Elements that no registry has, and the list has given a number; those that are wrong are left out. */
export function ownElements(names: readonly string[], reversed: boolean): Map<string, DetailedField> {
  const own = new Map<string, DetailedField>();
  for (const name of names) {
    const element = name.includes('=') ? ownElement(name) : undefined;
    if (element && 'id' in element) own.set(name, UNREGISTERED[element.name].make(element, reversed));
  }
  return own;
}

/** `tcpHandshakeMicroseconds=32473/1` @returns what is wrong where it is none */
export function ownElement(name: string): Element | ListMistake {
  const [, what = name.split('=', 1)[0], enterprise, id] = OWN_ELEMENT.exec(name) ?? [];
  if (!Object.hasOwn(UNREGISTERED, what)) {
    const near = nearest(what, Object.keys(UNREGISTERED)) ?? Object.keys(UNREGISTERED).join(', ');
    const instead = isElementName(what) ? what : `${near}=PEN/ID`;
    return { what: `'${name}': only what no registry has gets an element of your own`, hint: `Write ${instead}` };
  }
  if (!(Number(enterprise) >= 1 && Number(enterprise) <= U32_MAX && Number(id) >= 1 && Number(id) <= MOST_ID)) {
    const hint = `Write ${what}=PEN/ID: an enterprise number, and an id from 1 to ${MOST_ID}`;
    return { what: `'${name}' has no element`, hint };
  }
  const element: Element = {
    enterprise: Number(enterprise),
    id: Number(id),
    name: what,
    type: UNREGISTERED[what].type,
  };
  const registered = elementById(element.enterprise, element.id);
  if (element.enterprise === REVERSE || (registered && registered.name !== what)) {
    const whose = registered?.name ?? 'an element of RFC 5103';
    return {
      what: `'${name}': ${enterprise}/${id} is ${whose}`,
      hint: 'Give an element that your collector knows for it',
    };
  }
  return element;
}

/** @param possible names of elements that some record can have */
function mistakeOf(name: string, possible: ReadonlySet<string>, context: ListContext): ListMistake | undefined {
  const need = needOf(name);
  // without interfaces no record has theirs
  if (need !== undefined && (possible.has(name) ? !context[need] : need === 'interfaces')) return needed(name, need);
  if (possible.has(name)) return undefined;
  if (Object.hasOwn(UNREGISTERED, name)) {
    const hint = `Write ${name}=PEN/ID, with the element that your collector knows for it`;
    return { what: `no registry has an element for '${name}'`, hint };
  }
  const near = nearest(name, [...possible, ...Object.keys(UNREGISTERED)]);
  const instead = near === undefined ? 'docs/records.md lists those that can be' : `Write ${near}`;
  if (!isElementName(name)) return { what: `'${name}' is not an information element`, hint: instead };
  if (context.biflow !== 'reverse' && fillable({ ...context, biflow: 'reverse' }).has(name))
    return {
      what: `'${name}' cannot be filled with --biflow ${context.biflow}`,
      hint: 'Remove it: the reply direction has a record of its own',
    };
  const reason = REASONS.find(([names]) => names.test(name));
  if (reason) return { what: `'${name}' cannot be filled: ${reason[1]}`, hint: reason[2] };
  const antrea = [EVERY_BIT, 0].some(bits => antreaFields(bits).some(({ element }) => element.name === name));
  return { what: `'${name}' cannot be filled`, hint: antrea ? 'Profile antrea has it' : instead };
}

/** @param what the element is filled with */
function lacking(name: string, what: string, context: ListContext): ListMistake | undefined {
  const need = needOf(what);
  return need === undefined || context[need] ? undefined : needed(name, need);
}

function needed(name: string, need: Need): ListMistake {
  return { what: `'${name}' needs ${NEEDS[need]}`, hint: `Add ${NEEDS[need]}, or remove it`, need };
}

/** Why nothing fills elements that one may well ask for, and what to do. */
const REASONS: readonly (readonly [names: RegExp, why: string, hint: string])[] = [
  [
    /^flow(Active|Idle)Timeout$/,
    'it has whole seconds, up to 65535, and the timeout is no such number',
    'Give another timeout, or remove it',
  ],
  [
    /^(initiator|responder)Octets$/,
    'it counts payload, and conntrack counts whole IP packets',
    'Write octetDeltaCount and reverseOctetDeltaCount',
  ],
  [/^(in|e)gressNetworkPolicyType$/, 'no log prefix has the type of a policy', 'Profile antrea has it, as not known'],
  [/^egress(Name|IP|NodeName)$/, 'Antrea alone knows it', 'Profile antrea has it, always empty'],
  [
    /^proxySnat/,
    'it says the same as an element of IANA',
    'Write postNATSourceIPv4Address, postNATSourceIPv6Address or postNAPTSourceTransportPort',
  ],
];

/** Names of elements that some record can have. */
function fillable(context: ListContext): Set<string> {
  // a flow that is too long has no duration
  const bits = EVERY_BIT & ~(shape.REVERSED | shape.LONG);
  const shaped = [bits, bits & ~shape.IPV6].flatMap(each => [...shapedFields(each, context).keys()]);
  return new Set([...shaped, ...detailedFields(false).keys()]);
}

/** Everything of flows that settings can make known. */
export const ALL_KNOWN = {
  inventory: true,
  denied: true,
  tcpStates: true,
  owners: true,
  asNumbers: true,
  countries: true,
  dnsNames: true,
  workloads: true,
  podLabels: true,
} as const;

/** All that a list may ever have, in the order in which docs/records.md has them. */
export function listableElements(): string[] {
  const timeouts = { active: 1000, idle: 1000 };
  const context = { observationDomain: 0, ...ALL_KNOWN, timeouts };
  const interfaces = { ingress: 1, egress: 1 };
  return [
    ...fillable({ ...context, biflow: 'reverse', interfaces }),
    ...Object.keys(UNREGISTERED).map(name => `${name}=PEN/ID`),
  ];
}
