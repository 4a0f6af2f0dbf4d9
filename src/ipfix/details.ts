/**
 * A fact that only some records have and that no bit of a shape stands for: a list of elements asks for those that it needs. Bit
 * FIRST_DETAIL + n of a record's kind says whether the n-th of them is there.
 */
export interface Detail {
  /** One of TEST_*. */
  readonly test: number;
  readonly argument: number;
  /** In the name of a template. */
  readonly name: string;
}

/** The row has one of these flags (HAS_*). */
export const TEST_PRESENT = 0;
/** The status has one of these bits. */
export const TEST_STATUS = 1;
/** It has ports of this protocol. */
export const TEST_PORTS_OF = 2;
/** All these names are known: a bit for each of a flow's names, in their order. */
export const TEST_NAMES = 3;
/** The flowType is known. */
export const TEST_TYPE = 4;
/** There is a rule for this direction, and it has these names: RULE_EGRESS, and RULE_NAME << n for the n-th word of its names. */
export const TEST_RULE = 5;
export const RULE_EGRESS = 1;
export const RULE_NAME = 2;
/** An owner of its source (1), or of its destination (2), is known. */
export const TEST_OWNER = 6;
export const OWNER_OF_SOURCE = 1;
export const OWNER_OF_DESTINATION = 2;
/** This fact of its addresses is known: AS number, country, DNS name of the source; FACTS_OF_ADDRESS behind these of the destination. */
export const TEST_ADDRESS = 7;
export const FACTS_OF_ADDRESS = 3;
/** The word at this offset of the row is not 0. */
export const TEST_WORD = 8;
/** This fact of its pods is known: workload and labels of the source's; FACTS_OF_POD behind these of the destination's. */
export const TEST_POD = 9;
export const FACTS_OF_POD = 2;

/** Above the directions that get a record; the sign stays free. */
export const FIRST_DETAIL = 22;
export const MOST_DETAILS = 9;
/** Words of a detail. */
export const DETAIL_WORDS = 2;

/** As an encoder takes them. */
export function detailWords(details: readonly Detail[]): Uint32Array {
  return Uint32Array.from(details.flatMap(({ test, argument }) => [test, argument]));
}
