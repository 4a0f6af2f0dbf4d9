import { CtflowError } from '../errors.js';
import {
  INSTRUCTION_WORDS,
  OP_BYTES,
  OP_CONSTANT,
  OP_SECONDS,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  RECORD_SIZE,
} from '../layout.generated.js';

/** Words of one step: what to do, offset in the record, argument. */
export const STEP_WORDS = 3;

// What a step does. Each but the last two writes a fixed number of bytes.
export const STEP_ZEROS = 0; // argument zeros
export const STEP_BYTES = 1; // argument bytes as they are
export const STEP_U8 = 2;
export const STEP_U16 = 3;
export const STEP_U32 = 4;
export const STEP_U64 = 5;
export const STEP_CONSTANT_U8 = 6;
export const STEP_CONSTANT_U16 = 7;
export const STEP_CONSTANT_U24 = 8;
export const STEP_CONSTANT_U32 = 9;
export const STEP_SECONDS = 10;
export const STEP_TEXT = 11;
export const STEP_TCP_STATE = 12;

const LONGEST_CONSTANT = 16;
const LONGEST_TEXT = 254;

/** A plan after validation, its instructions broken down to steps that need no further choice of width. */
export interface Steps {
  readonly words: Int32Array;
  /** Bytes of a record without what STEP_TEXT and STEP_TCP_STATE write. */
  readonly fixed: number;
  /** Whether records differ in length. */
  readonly variable: boolean;
}

/**
 * Checks a compiled template and breaks it down.
 * @throws CtflowError CTFLOW_USAGE naming the instruction
 */
export function stepsOf(plan: Uint32Array): Steps {
  if (plan.length === 0 || plan.length % INSTRUCTION_WORDS !== 0) {
    throw planError(`a plan of ${plan.length} words`);
  }
  const words: number[] = [];
  let fixed = 0;
  let variable = false;
  for (let at = 0; at < plan.length; at += INSTRUCTION_WORDS) {
    const [operation, offset, length, argument] = plan.subarray(at, at + INSTRUCTION_WORDS);
    const width = widthOf(operation, length);
    if (width === undefined || offset + width > RECORD_SIZE) {
      throw planError(
        `instruction ${at / INSTRUCTION_WORDS} (operation ${operation}, offset ${offset}, length ${length})`,
      );
    }
    if (operation === OP_TEXT || operation === OP_TCP_STATE) variable = true;
    else fixed += length;
    switch (operation) {
      case OP_BYTES:
        words.push(STEP_BYTES, offset, length);
        break;
      case OP_U8:
        zeros(words, length - 1);
        words.push(STEP_U8, offset, 0);
        break;
      case OP_U16:
        zeros(words, length - 2);
        words.push(STEP_U16, offset, 0);
        break;
      case OP_U32:
        zeros(words, length - 4);
        words.push(STEP_U32, offset, 0);
        break;
      case OP_U64:
        words.push(STEP_U64, offset, 0);
        break;
      case OP_CONSTANT:
        zeros(words, length - 4);
        words.push(
          [STEP_CONSTANT_U8, STEP_CONSTANT_U16, STEP_CONSTANT_U24, STEP_CONSTANT_U32][Math.min(length, 4) - 1],
        );
        words.push(0, argument);
        break;
      case OP_TEXT:
        words.push(STEP_TEXT, offset, length);
        break;
      case OP_TCP_STATE:
        words.push(STEP_TCP_STATE, offset, 0);
        break;
      case OP_SECONDS:
        words.push(STEP_SECONDS, offset, 0);
        break;
    }
  }
  return { words: Int32Array.from(words), fixed, variable };
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
    case OP_SECONDS:
      return length === 4 ? 8 : undefined;
    default:
      return undefined;
  }
}

function zeros(words: number[], count: number): void {
  if (count > 0) words.push(STEP_ZEROS, 0, count);
}

function planError(what: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `The template plan cannot be run: ${what}`, 'See plan.rs for what a plan is');
}
