import type { FlowColumns } from './columns.js';

/** Number of an encoder's stop: see EncoderOutput.progress. */
export const DONE = 0;
export const FULL = 1;
export const UNKNOWN = 2;

/** Words of {@link EncoderOutput.progress}. */
export const NEXT = 0;
export const MESSAGES = 1;
export const USED = 2;
export const ENTRIES = 3;
export const STOP = 4;
export const KIND = 5;
export const PROGRESS_WORDS = 6;

/** Words of a message in {@link EncoderOutput.messages}. */
export const MESSAGE_WORDS = 3;
/** Words of a template in {@link EncoderOutput.oversize}. */
export const OVERSIZE_WORDS = 4;
/** Words of a journal entry: id, start (2), the four counters (8), and reason | state << 8 | destination << 16. */
export const ENTRY_WORDS = 12;
/** In a reason, and in the last word of an entry: no other record of the connection follows. */
export const LAST = 0x80;

/** Two uniflows: the directions that get a record, as bits of a kind, above those of a shape. */
export const FORWARD = 1 << 20;
export const REPLY = 1 << 21;

/** In place of a room for templates: no message can hold the template itself. */
export const TOO_LARGE = 0xffff_ffff;

/** Where closed messages go, one after another; what a call leaves there, the next one goes on from. */
export interface EncoderOutput {
  /** Messages, each with its header left free. */
  readonly bytes: Uint8Array;
  /** Three words a message: bytes, data records, and bytes left free for a template between its header and its data. */
  readonly messages: Uint32Array;
  /** Journal entries of their records, twelve words each. */
  readonly entries: Uint32Array;
  /**
   * NEXT: where an encode call has stopped; MESSAGES, USED, ENTRIES: messages, their bytes and their entries; STOP: why; KIND: of
   * the record that has no template yet, where STOP is UNKNOWN.
   */
  readonly progress: Uint32Array;
  /**
   * Four words for each template that has records that no message can hold: its id, how many, and the packets and octets that they
   * count; the others are zero. Where there is no place for another template, they count to the last one.
   */
  readonly oversize: Float64Array;
}

export interface FlowEncoderOptions {
  readonly columns: FlowColumns;
  /** What the destination has exported of each slot: see ExportSlots. The encoder writes what it has written of a record. */
  readonly exported: Uint8Array;
  readonly output: EncoderOutput;
  /** The bits of a shape that make a difference to the template. */
  readonly shapes: number;
  /** Details that make a difference too, DETAIL_WORDS words each; none by default. */
  readonly details?: Uint32Array;
  /** Each direction is a record of its own. */
  readonly uniflows: boolean;
  /** Two uniflows: also a direction without a new packet. */
  readonly zeroDeltas: boolean;
  /** Number of the destination in the journal, -1 for none. */
  readonly journal: number;
}

/** How records of a kind are written, in one direction. */
export interface EncoderTemplate {
  /** Set id of its data sets. */
  readonly id: number;
  /** Compiled template, instructions of INSTRUCTION_WORDS words. */
  readonly plan: Uint32Array;
  /** Bytes to leave free in the first message for the template; TOO_LARGE where no message can hold it. */
  readonly reserve: number;
}

/** Names by number: UTF-8, and where each ends (see NameTable). */
export interface Names {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

/**
 * Writes connections of one store into the open messages of one destination. Names, counters and times are those of the moment
 * of the call. A message is closed when the next record has no room in it, or by {@link close}.
 */
export interface FlowEncoder {
  /**
   * @param kind a shape, with a bit for each detail that the record has, and FORWARD and REPLY where each direction is a record of
   * its own
   * @param templates one, or two for both directions
   * @throws CtflowError CTFLOW_USAGE naming the instruction that is wrong
   */
  define(kind: number, templates: readonly EncoderTemplate[]): void;
  /** The next message of this template that is opened leaves so many bytes free for it, the later ones none. */
  reserve(templateId: number, bytes: number): void;
  /**
   * Encodes the connections from `from` on, and updates what is exported of them. It stops at one that finds no room, or has no
   * template; nothing is changed of that one. How far it came stands in the output's progress.
   * @param slots of the store; @param reasons why each is exported, with LAST; 0 for one that is not
   * @param to where to end; @param limit bytes of a message, 65535 at most
   * @throws CtflowError CTFLOW_USAGE; nothing was encoded then
   */
  encode(slots: Uint32Array, reasons: Uint8Array, from: number, to: number, limit: number, names: Names): void;
  /** Closes every open message. @returns false where the output has no room for all */
  close(): boolean;
}
