import { listedFields, shapesOf } from './field-list.js';
import type { Interfaces } from './interfaces.js';
import { antreaFields } from './profile-antrea.js';
import { standardFields, type Biflow } from './profile-standard.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

/** What a destination's records look like. */
export interface Profile {
  readonly name: ProfileName;
  /** The bits of a shape that make a difference to the template. */
  readonly shapes: number;
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
}

export const PROFILE_NAMES = ['standard', 'antrea'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

/**
 * @param biflow two-uniflows is for `standard` only
 * @param netfilterElements also mark and conntrack id (PEN 21373), which some collectors cannot take
 * @param fields elements in place of those of `standard`, see checkFieldList
 * @param interfaces for `standard` without `fields` only
 */
export function createProfile(
  name: ProfileName,
  biflow: Biflow,
  netfilterElements: boolean,
  fields?: readonly string[],
  interfaces: Interfaces = 'none',
): Profile {
  if (name === 'antrea') {
    return {
      name,
      templatesApart: true,
      zeroDeltas: 'ends',
      uniflows: false,
      always: 0,
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
  const fixed = interfaces === 'none' || fields ? undefined : interfaces;
  return {
    name,
    templatesApart: false,
    zeroDeltas: 'none',
    uniflows: biflow === 'two-uniflows',
    ...(fields
      ? { shapes: shapesOf(fields, biflow), fieldsOf: bits => listedFields(fields, bits, biflow) }
      : {
          shapes: netfilterElements ? shape.STANDARD : shape.STANDARD & ~(shape.MARK | shape.ID),
          fieldsOf: bits => standardFields(bits, biflow, fixed),
        }),
    always: fixed ? shape.INGRESS | shape.EGRESS : 0,
  };
}
