import { CtflowError } from '../common/errors.js';
import {
  INSTRUCTION_WORDS,
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  RECORD_SIZE,
} from '../row/layout.generated.js';

/** Words of one step: what to do, offset in the record or in the literals, length. */
export const STEP_WORDS = 3;

export const STEP_LITERAL = 0; // bytes that are the same in every record
export const STEP_BYTES = 1;
export const STEP_U8 = 2;
export const STEP_U16 = 3;
export const STEP_U32 = 4;
export const STEP_U64 = 5;
export const STEP_SECONDS = 6;
// These write one byte of length and a text.
export const STEP_TEXT = 7;
export const STEP_TCP_STATE = 8;
export const STEP_NAME = 9;
export const STEP_TCP_HISTORY = 10;

const LONGEST_CONSTANT = 16;
const LONGEST_TEXT = 254;

/** A plan after validation: its instructions without a choice of width, constants and zeros joined to literals. */
export interface Steps {
  readonly all: Int32Array;
  /** Those that write a text. */
  readonly texts: Int32Array;
  readonly literals: Uint8Array;
  /** Bytes of a record of which all texts are empty. */
  readonly shortest: number;
}

/**
 * Checks a compiled template and breaks it down.
 * @throws CtflowError CTFLOW_USAGE naming the instruction
 */
export function stepsOf(plan: Uint32Array): Steps {
  if (plan.length === 0 || plan.length % INSTRUCTION_WORDS !== 0) throw planError(`a plan of ${plan.length} words`);
  const all: number[] = [];
  const texts: number[] = [];
  const literals: number[] = [];
  let shortest = 0;
  for (let at = 0; at < plan.length; at += INSTRUCTION_WORDS) {
    const operation = plan[at];
    const offset = plan[at + 1];
    const length = plan[at + 2];
    const width = widthOf(operation, length);
    if (width === undefined || offset + width > RECORD_SIZE) {
      const operands = `operation ${operation}, offset ${offset}, length ${length}`;
      throw planError(`instruction ${at / INSTRUCTION_WORDS} (${operands})`);
    }
    const step = STEP_OF.get(operation);
    if (step !== undefined && step >= STEP_TEXT) {
      texts.push(step, offset, length);
      shortest += 1;
    } else {
      shortest += length;
    }
    if (step === undefined) {
      pushLiteral(all, literals, plan[at + 3], length);
    } else {
      if (length > width) pushLiteral(all, literals, 0, length - width);
      all.push(step, offset, length);
    }
  }
  return { all: Int32Array.from(all), texts: Int32Array.from(texts), literals: Uint8Array.from(literals), shortest };
}

/** Every operation but OP_CONSTANT. */
const STEP_OF: ReadonlyMap<number, number> = new Map([
  [OP_BYTES, STEP_BYTES],
  [OP_U8, STEP_U8],
  [OP_U16, STEP_U16],
  [OP_U32, STEP_U32],
  [OP_U64, STEP_U64],
  [OP_SECONDS, STEP_SECONDS],
  [OP_TEXT, STEP_TEXT],
  [OP_TCP_STATE, STEP_TCP_STATE],
  [OP_NAME, STEP_NAME],
  [OP_TCP_HISTORY, STEP_TCP_HISTORY],
]);

/** The number, big-endian in `length` bytes; appended to the last step where that is a literal too. */
function pushLiteral(all: number[], literals: number[], number: number, length: number): void {
  if (all.at(-STEP_WORDS) === STEP_LITERAL) all[all.length - 1] += length;
  else all.push(STEP_LITERAL, literals.length, length);
  for (let i = length - 1; i >= 0; i--) literals.push(i < 4 ? (number >>> (8 * i)) & 0xff : 0);
}

/** Bytes that the instruction reads from the record, undefined where operation or length is none. */
function widthOf(operation: number, length: number): number | undefined {
  switch (operation) {
    case OP_BYTES:
      return length >= 1 ? length : undefined;
    case OP_U8:
      return length === 1 || length === 2 || length === 4 || length === 8 ? 1 : undefined;
    case OP_U16:
      return length === 2 || length === 4 || length === 8 ? 2 : undefined;
    case OP_U32:
      return length === 4 || length === 8 ? 4 : undefined;
    case OP_U64:
      return length === 8 ? 8 : undefined;
    case OP_CONSTANT:
      return length >= 1 && length <= LONGEST_CONSTANT ? 0 : undefined;
    case OP_TEXT:
      return length >= 1 && length <= LONGEST_TEXT ? length : undefined;
    case OP_TCP_STATE:
      return length === 0 ? 1 : undefined;
    case OP_NAME:
    case OP_TCP_HISTORY:
      return length === 0 ? 4 : undefined;
    case OP_SECONDS:
      return length === 4 ? 8 : undefined;
    default:
      return undefined;
  }
}

function planError(what: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `The template plan is invalid: ${what}`, 'Check the arguments of the call');
}
