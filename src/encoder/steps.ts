import { CtflowError } from '../common/errors.js';
import {
  EVENT,
  FIELDS_SIZE,
  HELPER,
  INSTRUCTION_WORDS,
  LABELS,
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_NTP,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  ORIG_OCTET_DELTA,
  ORIG_PACKET_DELTA,
  REPLY_OCTET_DELTA,
  REPLY_PACKET_DELTA,
  ROW_SIZE,
  TCP_STATES,
  LONGEST_NAME,
} from '../row/layout.generated.js';

const LONGEST_CONSTANT = 16;
const LONGEST_TEXT = 254;
const HELPER_SIZE = 16;
/** Eight of the longest state, and the commas. */
const LONGEST_HISTORY = 8 * 'ESTABLISHED'.length + 7;
const LONGEST_STATE = Math.max(...TCP_STATES.map(({ length }) => length));

/**
 * Fields of fixed length from one source, by their kinds, so that those of one kind are written without a choice for each: pairs
 * of an offset in the source and one in the run.
 */
export interface Moves {
  /** Four bytes as they are. */
  readonly words: Int32Array;
  /** One byte. */
  readonly bytes: Int32Array;
  readonly u16s: Int32Array;
  readonly u32s: Int32Array;
  readonly u64s: Int32Array;
  /** 64-bit milliseconds as 32-bit seconds. */
  readonly seconds: Int32Array;
  /** The same as NTP's 64 bits, with the bits of the fraction that are left out behind each pair. */
  readonly ntps: Int32Array;
}

export const TEXT_NONE = 0;
export const TEXT_HELPER = 1;
export const TEXT_TCP_STATE = 2;
export const TEXT_TCP_HISTORY = 3;
export const TEXT_NAME = 4;

/** Fields of fixed length that stand one after another, and the text behind them. */
export interface Run {
  /** Bytes of the fields. */
  readonly length: number;
  /** Pairs of an offset in the run and the byte that always stands there. */
  readonly literals: Int32Array;
  readonly fromRow: Moves;
  readonly fromFacts: Moves;
  /** One of TEXT_*. */
  readonly text: number;
  /** Where its source has it, and its bytes there. */
  readonly textAt: number;
  readonly textSize: number;
}

/** A plan after validation. */
export interface Steps {
  readonly runs: readonly Run[];
  /** Bytes of a record of which all texts are empty. */
  readonly shortest: number;
  /** Bytes of a record at most. */
  readonly largest: number;
  /** Where the facts have the deltas that it writes, in words. */
  readonly packetDeltas: readonly number[];
  readonly octetDeltas: readonly number[];
}

class OpenMoves {
  readonly words: number[] = [];
  readonly bytes: number[] = [];
  readonly u16s: number[] = [];
  readonly u32s: number[] = [];
  readonly u64s: number[] = [];
  readonly seconds: number[] = [];
  readonly ntps: number[] = [];

  close(): Moves {
    return {
      words: Int32Array.from(this.words),
      bytes: Int32Array.from(this.bytes),
      u16s: Int32Array.from(this.u16s),
      u32s: Int32Array.from(this.u32s),
      u64s: Int32Array.from(this.u64s),
      seconds: Int32Array.from(this.seconds),
      ntps: Int32Array.from(this.ntps),
    };
  }
}

class OpenRun {
  length = 0;
  readonly literals: number[] = [];
  readonly row = new OpenMoves();
  readonly facts = new OpenMoves();

  close(text: number, textAt: number, textSize: number): Run {
    return {
      length: this.length,
      literals: Int32Array.from(this.literals),
      fromRow: this.row.close(),
      fromFacts: this.facts.close(),
      text,
      textAt,
      textSize,
    };
  }

  literal(bytes: readonly number[]): void {
    for (const byte of bytes) this.literals.push(this.length++, byte);
  }

  /** Leaves place for `length` bytes, and moves `width` of them from `from` in the manner of `list`. @param more what it needs besides */
  move(list: (moves: OpenMoves) => number[], offset: number, width: number, length: number, ...more: number[]): void {
    this.literal(Array<number>(length - width).fill(0));
    const [moves, from] = offset < ROW_SIZE ? [this.row, offset] : [this.facts, offset - ROW_SIZE];
    list(moves).push(from, this.length, ...more);
    this.length += width;
  }
}

/**
 * Checks a compiled template and breaks it down.
 * @throws CtflowError CTFLOW_USAGE naming the instruction
 */
export function stepsOf(plan: Uint32Array): Steps {
  if (plan.length === 0 || plan.length % INSTRUCTION_WORDS !== 0) throw planError(`a plan of ${plan.length} words`);
  const runs: Run[] = [];
  const deltas = { packets: new Set<number>(), octets: new Set<number>() };
  let run = new OpenRun();
  for (let at = 0; at < plan.length; at += INSTRUCTION_WORDS) {
    const operation = plan[at];
    const offset = plan[at + 1];
    const length = plan[at + 2];
    const width = widthOf(operation, length);
    if (width === undefined || !isPlace(operation, offset, offset + width)) {
      const operands = `operation ${operation}, offset ${offset}, length ${length}`;
      throw planError(`instruction ${at / INSTRUCTION_WORDS} (${operands})`);
    }
    const text = TEXT_OF.get(operation);
    if (text !== undefined) {
      const base = text === TEXT_HELPER ? HELPER : text === TEXT_TCP_STATE ? 0 : ROW_SIZE;
      runs.push(run.close(text, offset - base, length));
      run = new OpenRun();
      continue;
    }
    if (operation === OP_CONSTANT) run.literal(constant(plan[at + 3], length));
    else if (operation === OP_BYTES) moveBytes(run, offset, length);
    else if (operation === OP_U8) run.move(({ bytes }) => bytes, offset, 1, length);
    else if (operation === OP_U16) run.move(({ u16s }) => u16s, offset, 2, length);
    else if (operation === OP_U32) run.move(({ u32s }) => u32s, offset, 4, length);
    else if (operation === OP_SECONDS) run.move(({ seconds }) => seconds, offset, 4, length);
    else if (operation === OP_NTP) run.move(({ ntps }) => ntps, offset, 8, length, plan[at + 3]);
    else run.move(({ u64s }) => u64s, offset, 8, length);
    if (operation !== OP_U64) continue;
    // two elements may have one count
    if (offset === ORIG_PACKET_DELTA || offset === REPLY_PACKET_DELTA) deltas.packets.add((offset - ROW_SIZE) / 4);
    if (offset === ORIG_OCTET_DELTA || offset === REPLY_OCTET_DELTA) deltas.octets.add((offset - ROW_SIZE) / 4);
  }
  runs.push(run.close(TEXT_NONE, 0, 0));
  const shortest = runs.reduce((sum, { length, text }) => sum + length + (text === TEXT_NONE ? 0 : 1), 0);
  const largest = runs.reduce((sum, one) => sum + longestText(one), shortest);
  return { runs, shortest, largest, packetDeltas: [...deltas.packets], octetDeltas: [...deltas.octets] };
}

const TEXT_OF: ReadonlyMap<number, number> = new Map([
  [OP_TEXT, TEXT_HELPER],
  [OP_TCP_STATE, TEXT_TCP_STATE],
  [OP_TCP_HISTORY, TEXT_TCP_HISTORY],
  [OP_NAME, TEXT_NAME],
]);

function longestText({ text, textSize }: Run): number {
  switch (text) {
    case TEXT_HELPER:
      return textSize;
    case TEXT_TCP_STATE:
      return LONGEST_STATE;
    case TEXT_TCP_HISTORY:
      return LONGEST_HISTORY;
    case TEXT_NAME:
      return LONGEST_NAME;
    default:
      return 0;
  }
}

function moveBytes(run: OpenRun, offset: number, length: number): void {
  let at = 0;
  for (; at + 4 <= length; at += 4) run.move(({ words }) => words, offset + at, 4, 4);
  for (; at < length; at++) run.move(({ bytes }) => bytes, offset + at, 1, 1);
}

/** Big-endian in `length` bytes. */
function constant(number: number, length: number): number[] {
  return Array.from({ length }, (_, i) => (length - i <= 4 ? (number >>> (8 * (length - i - 1))) & 0xff : 0));
}

/** Whether somebody has what a plan names. A stored row has the store's own facts where a row that is read has labels and helper. */
function isPlace(operation: number, from: number, to: number): boolean {
  const within = (begin: number, end: number): boolean => from >= begin && from < end && to <= end;
  if (operation === OP_CONSTANT) return true;
  if (operation === OP_TEXT) return within(HELPER, HELPER + HELPER_SIZE);
  if (operation === OP_NAME || operation === OP_TCP_HISTORY) return within(ROW_SIZE, FIELDS_SIZE);
  if (within(0, LABELS) || within(EVENT, ROW_SIZE)) return true;
  return operation !== OP_TCP_STATE && within(ROW_SIZE, FIELDS_SIZE);
}

/** Bytes that the instruction reads, undefined where operation or length is none. */
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
    case OP_NTP:
      return length === 8 ? 8 : undefined;
    default:
      return undefined;
  }
}

function planError(what: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `The template plan is invalid: ${what}`, 'Check the arguments of the call');
}
