import type { Detail } from './details.js';
import { FieldList } from './field-list/field-list.js';
import type { ListContext } from './field-list/elements.js';
import type { Interfaces } from './interfaces.js';
import { antreaFields } from './profile-antrea.js';
import { NANOSECONDS, NAT_DETAILS, NAT_SHAPES, natFields, type NatTime } from './profile-nat.js';
import { standardFields, type Biflow } from './profile-standard.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

/** What a destination's records look like. */
export interface Profile {
  readonly name: ProfileName;
  /** The bits of a shape that make a difference to the template. */
  readonly shapes: number;
  /** Details that do too: a kind has a bit for each. */
  readonly details: readonly Detail[];
  /** Interfaces are looked up for its records. */
  readonly routed?: true;
  /** Bits that all its records have, whatever the flow. */
  readonly always: number;
  /**
   * Templates go in messages of their own, one in each: go-ipfix reads the first set of a message and the first template of a set,
   * and nothing else.
   */
  readonly templatesApart: boolean;
  /** Records without a packet that its collectors need: those of ends and changed states, or none. */
  readonly zeroDeltas: 'ends' | 'none';
  /** The reply direction is a record of its own. */
  readonly uniflows: boolean;
  /** As such it has other elements than the original direction. */
  readonly directed?: true;
  /** @param shape with the bits of {@link always} */
  fieldsOf(shape: number): Field[];
  /** Where the elements are the destination's own choice: a number for each template. */
  numberOf?(kind: number): number;
}

export const PROFILE_NAMES = ['standard', 'antrea', 'nat'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** Which interfaces of a flow are known. */
const ROUTED = shape.INGRESS | shape.EGRESS;

/**
 * @param biflow two-uniflows is for `standard` and the ends of `nat`
 * @param netfilterElements also mark and conntrack id (PEN 21373), which some collectors cannot take
 * @param fields elements in place of those of `standard`: see FieldList
 * @param interfaces for `standard` only
 * @param known what the elements of a list are filled from
 * @param nat for `nat` only: natInstanceID, and the time of events
 * @throws CtflowError CTFLOW_USAGE for a list that cannot be
 */
export function createProfile(
  name: ProfileName,
  biflow: Biflow,
  netfilterElements: boolean,
  fields?: readonly string[],
  interfaces: Interfaces = 'none',
  known: Partial<ListContext> = {},
  nat: { instance: number; time: NatTime } = { instance: 1, time: 'milliseconds' },
): Profile {
  if (name === 'nat') {
    return {
      name,
      templatesApart: false,
      zeroDeltas: 'ends',
      uniflows: biflow === 'two-uniflows',
      always: nat.time === 'nanoseconds' ? NANOSECONDS : 0,
      details: NAT_DETAILS,
      shapes: NAT_SHAPES,
      fieldsOf: bits => natFields(bits, nat.instance, biflow),
    };
  }
  if (name === 'antrea') {
    return {
      name,
      templatesApart: true,
      zeroDeltas: 'ends',
      uniflows: false,
      always: 0,
      details: [],
      shapes:
        shape.IPV6 |
        shape.PORTS |
        shape.SOURCE_NAT |
        shape.DESTINATION_NAT |
        shape.SERVICE |
        shape.TCP_HISTORY |
        shape.DENIED,
      fieldsOf: antreaFields,
    };
  }
  const standard = {
    name,
    templatesApart: false,
    zeroDeltas: 'none',
    uniflows: biflow === 'two-uniflows',
  } as const;
  if (fields) {
    const nothing = { observationDomain: 0, inventory: false, denied: false, tcpStates: false, owners: false };
    const list = new FieldList(fields, { ...nothing, ...known, biflow, interfaces });
    return {
      ...standard,
      ...((list.shapes & ROUTED) !== 0 && { routed: true }),
      shapes: list.shapes,
      details: list.details,
      always: 0,
      fieldsOf: kind => list.fieldsOf(kind),
      numberOf: kind => list.numberOf(kind),
    };
  }
  const routed = interfaces === 'route';
  const shapes = shape.STANDARD | (routed ? ROUTED : 0);
  return {
    ...standard,
    ...(routed && { routed }),
    shapes: netfilterElements ? shapes : shapes & ~(shape.MARK | shape.ID),
    details: [],
    always: typeof interfaces === 'string' ? 0 : ROUTED,
    fieldsOf: bits => standardFields(bits, biflow, interfaces),
  };
}
