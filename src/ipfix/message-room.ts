import { OP_CONSTANT } from '../row/layout.generated.js';
import { FIRST_DETAIL } from './details.js';
import { MESSAGE_HEADER, SET_HEADER } from './message.js';
import type { Profile } from './profile.js';
import * as shape from './shape.js';
import { isVariable, templateRecord, type Field } from './template.js';

/** Bytes that messages must have room for. */
export interface MessageRoom {
  /** With less there is no record at all. */
  readonly least: number;
  /** With less there are none of the flows that have the most facts. */
  readonly fullest: number;
}

/** What records of a profile, and the templates of these, need room for. */
export function messageRoom({ fieldsOf, shapes, details, always }: Profile): MessageRoom {
  const known = ((1 << details.length) - 1) << FIRST_DETAIL;
  // these leave something out
  const most = shapes & ~(shape.REVERSED | shape.LONG | shape.ICMP);
  const rooms = [0, shape.LONG & shapes, known, most, most | known].map(kind => roomFor(fieldsOf(kind | always)));
  return { least: Math.min(...rooms), fullest: Math.max(...rooms) };
}

/** A message has a template or one record at least; texts may be empty. */
function roomFor(fields: readonly Field[]): number {
  const record = fields.reduce((sum, field) => sum + shortest(field), 0);
  return MESSAGE_HEADER + SET_HEADER + Math.max(templateRecord(0, fields).length, record);
}

function shortest(field: Field): number {
  const { operation, length, text } = field;
  if (operation === OP_CONSTANT) return length + (text?.length ?? 0);
  return isVariable(field) ? 1 : length;
}
