import type { Element } from '../../ipfix/element.js';
import type { DateTime } from './date-time.js';

/**
 * What a field can hold:
 *
 * | type of the element | value |
 * |---|---|
 * | integers | number, or bigint beyond ±(2^53 - 1): always exact |
 * | unsigned256, and identifiers of 64 bits (flowId) | bigint |
 * | float32, float64 | number |
 * | boolean | boolean |
 * | string | string; a fixed-length one without its trailing NULs |
 * | IPv4, IPv6 and MAC addresses | text: `192.0.2.1`, `2001:db8::1`, `00:1b:21:3c:4d:5e` |
 * | dateTime… | DateTime |
 * | lists of RFC 6313 | BasicList, SubTemplateList, SubTemplateMultiList |
 * | octetArray, and any element that no registry knows | Uint8Array |
 *
 * Octets that are no legal encoding of the element's type (an address of three octets, a boolean of 7, ill-formed UTF-8,
 * a list whose template is not known) are given as Uint8Array too: nothing is lost, and nothing is guessed.
 */
export type Value =
  number | bigint | boolean | string | Uint8Array | DateTime | BasicList | SubTemplateList | SubTemplateMultiList;

/** One field of a record. */
export interface Field {
  readonly element: Element;
  readonly value: Value;
}

/** RFC 6313 section 4.5.1. */
export interface BasicList {
  readonly semantic: string;
  readonly element: Element;
  readonly values: readonly Value[];
}

/** RFC 6313 section 4.5.2. */
export interface SubTemplateList extends Sublist {
  readonly semantic: string;
}

/** RFC 6313 section 4.5.3. */
export interface SubTemplateMultiList {
  readonly semantic: string;
  readonly lists: readonly Sublist[];
}

/** Records of one template within a list. */
export interface Sublist {
  readonly template: number;
  readonly records: readonly (readonly Field[])[];
}
