import type { Condition } from './condition.js';

/** A filter as it was understood. */
export type Expression = All | Any | Not | Test;

export interface All {
  readonly kind: 'all';
  readonly parts: readonly Expression[];
}

export interface Any {
  readonly kind: 'any';
  readonly parts: readonly Expression[];
}

export interface Not {
  readonly kind: 'not';
  readonly part: Expression;
}

/** One comparison. */
export interface Test {
  readonly kind: 'test';
  readonly field: string;
  readonly condition: Condition;
  /** The families that an address or a `family` can have then, as bits: 1 for IPv4, 2 for IPv6; 3 for any. */
  readonly families: number;
  /** Index of its value in the text. */
  readonly at: number;
  /** Its answer about a connection never changes. */
  readonly lasting: boolean;
}

/** Whether the answer about a connection never changes. */
export function isLasting(expression: Expression): boolean {
  if (expression.kind === 'test') return expression.lasting;
  return expression.kind === 'not' ? isLasting(expression.part) : expression.parts.every(isLasting);
}
