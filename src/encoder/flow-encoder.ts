import { CtflowError } from '../common/errors.js';
import { increase } from '../common/u64.js';
import { U16_MAX } from '../common/unsigned.js';
import { FIRST_DATA_SET, LARGEST_MESSAGE, MESSAGE_HEADER, SET_HEADER } from '../ipfix/message.js';
import {
  DENIED,
  EGRESS,
  INGRESS,
  LONG,
  ONE_END_LOCAL,
  REPLY_COUNTERS,
  SERVICE,
  shapeOf,
  TCP_HISTORY,
} from '../ipfix/shape.js';
import {
  IDENTITY_FLAGS,
  ID_WORD,
  ORIG_PACKETS_WORD,
  PRESENT_WORD,
  REPLY_PACKETS_WORD,
  ROW_SIZE,
  ROW_WORDS,
  START_NS_WORD,
  STATE,
} from '../row/layout.generated.js';
import {
  denies,
  EXPORTED_COUNTERS,
  EXPORTED_SIZE,
  FLOW_INTERFACES,
  FLOW_NAMES,
  FROM_HOST,
  LAST_REASON,
  LAST_STATE,
  NEWS,
  NEWS_NONE,
  TO_HOST,
  ZEROED,
} from './columns.js';
import { FlowDetails } from './flow-details.js';
import { FlowFacts } from './flow-facts.js';
import { RecordWriter } from './record-writer.js';
import {
  DONE,
  ENTRIES,
  ENTRY_WORDS,
  FORWARD,
  FULL,
  KIND,
  LAST,
  MESSAGES,
  MESSAGE_WORDS,
  OVERSIZE_WORDS,
  NEXT,
  REPLY,
  STOP,
  TOO_LARGE,
  UNKNOWN,
  USED,
  type EncoderOutput,
  type EncoderTemplate,
  type FlowEncoder,
  type FlowEncoderOptions,
  type Names,
} from './request.js';
import { stepsOf, type Steps } from './steps.js';

/** Connections of one open message at most. */
const MOST_CONNECTIONS = 512;
const COUNTER_WORDS = 8;
const EXPORTED_WORDS = EXPORTED_SIZE / 4;
const SET_OVERHEAD = MESSAGE_HEADER + SET_HEADER;

/** What becomes of a record; any other number is the bytes that its message leaves free, as it opens one. */
const HERE = -1;
const NO_ROOM = -2;
const OVERSIZE = -3;

/** Messages of one template, one of them open. */
class Side {
  readonly id: number;
  readonly steps: Steps;
  reserve: number;
  records = 0;
  /** What becomes of the record that is looked at. */
  placing = HERE;
  #buffer = new Uint8Array(0);
  #view = new DataView(this.#buffer.buffer);
  #limit = 0;
  #reserved = 0;
  /** Where the next record goes. */
  #at = 0;

  constructor({ id, plan, reserve }: EncoderTemplate) {
    if (id < FIRST_DATA_SET || id > U16_MAX) throw usage(`template id ${id}`);
    this.id = id;
    this.steps = stepsOf(plan);
    this.reserve = reserve;
  }

  /** Bytes of the open message, 0 where none is open. */
  get length(): number {
    return this.records > 0 ? this.#at : 0;
  }

  place(writer: RecordWriter, limit: number): void {
    this.placing = this.#placing(writer, limit);
  }

  #placing(writer: RecordWriter, limit: number): number {
    const end = Math.min(this.#limit, limit);
    if (this.records > 0 && this.#at + this.steps.largest <= end) return HERE;
    if (this.reserve === TOO_LARGE) return OVERSIZE;
    const size = writer.measure(this.steps);
    const alone = SET_OVERHEAD + size;
    if (alone > limit) return OVERSIZE;
    if (this.records > 0) return this.#at + size <= end ? HERE : NO_ROOM;
    // a template without room beside a record goes in a message of its own
    return alone + this.reserve <= limit ? this.reserve : 0;
  }

  /** Writes the record that has been placed. */
  write(writer: RecordWriter, limit: number): void {
    if (this.placing !== HERE) this.#open(this.placing, limit);
    this.#at = writer.write(this.steps, this.#buffer, this.#view, this.#at);
    this.records++;
  }

  close({ bytes, messages, progress }: EncoderOutput): void {
    const set = MESSAGE_HEADER + this.#reserved;
    this.#view.setUint16(set, this.id);
    this.#view.setUint16(set + 2, this.#at - set);
    bytes.set(this.#buffer.subarray(0, this.#at), progress[USED]);
    const to = progress[MESSAGES] * MESSAGE_WORDS;
    messages[to] = this.#at;
    messages[to + 1] = this.records;
    messages[to + 2] = this.#reserved;
    progress[USED] += this.#at;
    progress[MESSAGES]++;
    // the template goes with this one
    if (this.#reserved > 0) this.reserve = 0;
    this.records = 0;
  }

  #open(reserved: number, limit: number): void {
    this.#limit = limit;
    this.#reserved = reserved;
    this.#at = SET_OVERHEAD + reserved;
    if (this.#buffer.length < limit) {
      this.#buffer = new Uint8Array(limit);
      this.#view = new DataView(this.#buffer.buffer);
    }
    this.#buffer.fill(0, 0, this.#at);
  }
}

/** Records of one kind: one side, or one for each direction. */
class Form {
  readonly sides: readonly Side[];
  connections = 0;
  readonly #entries = new Uint32Array(MOST_CONNECTIONS * ENTRY_WORDS);
  #entryWords = 0;

  constructor(templates: readonly EncoderTemplate[]) {
    this.sides = templates.map(template => new Side(template));
  }

  /** @returns whether a side has no room for the record */
  place(writer: RecordWriter, limit: number): boolean {
    let full = this.connections === MOST_CONNECTIONS;
    for (const side of this.sides) {
      side.place(writer, limit);
      full ||= side.placing === NO_ROOM;
    }
    return full;
  }

  addEntry(rows: Uint32Array, from: number, last: number): void {
    const entries = this.#entries;
    const to = this.#entryWords;
    entries[to] = rows[from + ID_WORD];
    entries[to + 1] = rows[from + START_NS_WORD];
    entries[to + 2] = rows[from + START_NS_WORD + 1];
    for (let word = 0; word < COUNTER_WORDS; word++) entries[to + 3 + word] = rows[from + ORIG_PACKETS_WORD + word];
    entries[to + ENTRY_WORDS - 1] = last;
    this.#entryWords += ENTRY_WORDS;
  }

  /** Moves its open messages and their entries to the output. @returns false where there is no room; nothing changes then */
  close(output: EncoderOutput): boolean {
    const { bytes, messages, entries, progress } = output;
    let length = 0;
    let open = 0;
    for (const side of this.sides) {
      length += side.length;
      if (side.records > 0) open++;
    }
    const fits =
      progress[USED] + length <= bytes.length &&
      (progress[MESSAGES] + open) * MESSAGE_WORDS <= messages.length &&
      progress[ENTRIES] * ENTRY_WORDS + this.#entryWords <= entries.length;
    if (!fits) return false;
    for (const side of this.sides) if (side.records > 0) side.close(output);
    if (this.#entryWords > 0) {
      entries.set(this.#entries.subarray(0, this.#entryWords), progress[ENTRIES] * ENTRY_WORDS);
      progress[ENTRIES] += this.#entryWords / ENTRY_WORDS;
    }
    this.#entryWords = 0;
    this.connections = 0;
    return true;
  }
}

/** {@link FlowEncoder} in TypeScript. */
export class FallbackEncoder implements FlowEncoder {
  readonly #options: FlowEncoderOptions;
  readonly #forms = new Map<number, Form>();
  readonly #facts: FlowFacts;
  readonly #details: FlowDetails | undefined;
  readonly #writer: RecordWriter;
  readonly #rows: Uint32Array;
  readonly #view: DataView;
  readonly #exported: Uint32Array;
  /** A row whose totals go on from before its counters were set to zero. */
  readonly #zeroed = new Uint32Array(ROW_WORDS);
  readonly #zeroedView = new DataView(this.#zeroed.buffer);

  constructor(options: FlowEncoderOptions) {
    const { columns, exported, details } = options;
    const { rows } = columns;
    this.#options = options;
    this.#facts = new FlowFacts(columns, exported);
    this.#details = details?.length ? new FlowDetails(details, columns) : undefined;
    this.#rows = new Uint32Array(rows.buffer, rows.byteOffset, rows.length / 4);
    this.#view = new DataView(rows.buffer, rows.byteOffset, rows.length);
    this.#exported = new Uint32Array(exported.buffer, exported.byteOffset, exported.length / 4);
    this.#writer = new RecordWriter(this.#facts, columns.helpers, this.#view);
  }

  define(kind: number, templates: readonly EncoderTemplate[]): void {
    if (this.#forms.has(kind) || templates.length < 1 || templates.length > 2) {
      throw usage(`a second definition of kind ${kind}`);
    }
    this.#forms.set(kind, new Form(templates));
  }

  reserve(templateId: number, bytes: number): void {
    for (const { sides } of this.#forms.values())
      for (const side of sides) if (side.id === templateId) side.reserve = bytes;
  }

  encode(slots: Uint32Array, reasons: Uint8Array, from: number, to: number, limit: number, names: Names): void {
    this.#check(slots, reasons, from, to, limit);
    const { progress } = this.#options.output;
    this.#writer.names = names;
    progress[STOP] = DONE;
    progress[KIND] = 0;
    let next = from;
    while (next < to && (reasons[next] === 0 || this.#one(slots[next], reasons[next], limit))) next++;
    progress[NEXT] = next;
  }

  close(): boolean {
    for (const form of this.#forms.values()) if (!form.close(this.#options.output)) return false;
    return true;
  }

  /** @returns false where it stops; nothing is changed then */
  #one(slot: number, reason: number, limit: number): boolean {
    const { output, journal, columns } = this.#options;
    const { progress, oversize } = output;
    const writer = this.#writer;
    const kind = this.#kindOf(slot);
    const form = this.#forms.get(kind);
    if (!form) {
      progress[STOP] = UNKNOWN;
      progress[KIND] = kind;
      return false;
    }
    this.#facts.read(slot, reason & ~LAST);
    this.#choose(slot);
    if (form.place(writer, limit)) {
      if (!form.close(output)) {
        progress[STOP] = FULL;
        return false;
      }
      form.place(writer, limit);
    }
    for (const side of form.sides) {
      if (side.placing !== OVERSIZE) {
        side.write(writer, limit);
        continue;
      }
      const place = placeOf(oversize, side.id);
      oversize[place] ||= side.id;
      oversize[place + 1]++;
      oversize[place + 2] += writer.sum(side.steps.packetDeltas);
      oversize[place + 3] += writer.sum(side.steps.octetDeltas);
    }
    form.connections++;
    const rows = this.#rows;
    const row = slot * ROW_WORDS;
    const state = columns.rows[slot * ROW_SIZE + STATE];
    if (journal >= 0 && (rows[row + PRESENT_WORD] & IDENTITY_FLAGS) === IDENTITY_FLAGS) {
      form.addEntry(rows, row, (reason | (state << 8) | (journal << 16)) >>> 0);
    }
    this.#update(slot, reason & ~LAST, state);
    return true;
  }

  /** The shape of the record, and which directions get one. */
  #kindOf(slot: number): number {
    const { columns, shapes, uniflows } = this.#options;
    const { names, states, rules, ruleFacts, interfaces } = columns.extras;
    let shape = shapeOf(this.#rows, columns.rows, slot);
    if (states && states[slot] !== 0) shape |= TCP_HISTORY;
    if (rules && rules[slot] !== 0 && denies(ruleFacts, rules[slot])) shape |= DENIED;
    if (names && names[slot * FLOW_NAMES + FLOW_NAMES - 1] !== 0) shape |= SERVICE;
    if (interfaces) {
      if (interfaces[slot * FLOW_INTERFACES] !== 0) shape |= INGRESS;
      if (interfaces[slot * FLOW_INTERFACES + 1] !== 0) shape |= EGRESS;
    }
    if (this.#facts.isLong(slot)) shape |= LONG;
    if (columns.flags[slot] & (FROM_HOST | TO_HOST)) shape |= ONE_END_LOCAL;
    shape &= shapes;
    if (this.#details) shape |= this.#details.of(slot);
    if (!uniflows) return shape;
    if ((shape & REPLY_COUNTERS) === 0) return shape | FORWARD;
    // none before its first packet, and where zero deltas are left out, none without a new one
    const forward = this.#hasPackets(slot, 0) ? FORWARD : 0;
    const reply = this.#hasPackets(slot, REPLY_PACKETS_WORD - ORIG_PACKETS_WORD) ? REPLY : 0;
    return shape | (forward | reply || FORWARD);
  }

  /** @param counter a word of the counters */
  #hasPackets(slot: number, counter: number): boolean {
    const rows = this.#rows;
    const exported = this.#exported;
    const at = slot * ROW_WORDS + ORIG_PACKETS_WORD + counter;
    if (this.#options.zeroDeltas) return (rows[at] | rows[at + 1]) !== 0;
    const before = slot * EXPORTED_WORDS + EXPORTED_COUNTERS / 4 + counter;
    return rows[at] !== exported[before] || rows[at + 1] !== exported[before + 1];
  }

  /** The writer reads the row of this slot. */
  #choose(slot: number): void {
    const writer = this.#writer;
    const { flags, zeroed } = this.#options.columns;
    writer.slot = slot;
    if ((flags[slot] & ZEROED) === 0) {
      writer.row = this.#view;
      writer.at = slot * ROW_SIZE;
      return;
    }
    this.#zeroed.set(this.#rows.subarray(slot * ROW_WORDS, (slot + 1) * ROW_WORDS));
    for (let word = 0; word < COUNTER_WORDS; word += 2)
      increase(this.#zeroed, ORIG_PACKETS_WORD + word, zeroed, slot * COUNTER_WORDS + word);
    writer.row = this.#zeroedView;
    writer.at = 0;
  }

  #update(slot: number, reason: number, state: number): void {
    const from = slot * ROW_WORDS + ORIG_PACKETS_WORD;
    const to = slot * EXPORTED_WORDS + EXPORTED_COUNTERS / 4;
    for (let word = 0; word < COUNTER_WORDS; word++) this.#exported[to + word] = this.#rows[from + word];
    const { exported } = this.#options;
    exported[slot * EXPORTED_SIZE + LAST_REASON] = reason;
    exported[slot * EXPORTED_SIZE + LAST_STATE] = state;
    exported[slot * EXPORTED_SIZE + NEWS] = NEWS_NONE;
  }

  #check(slots: Uint32Array, reasons: Uint8Array, from: number, to: number, limit: number): void {
    if (limit > LARGEST_MESSAGE) throw usage(`messages of ${limit} bytes`);
    if (from > to || to > slots.length || to > reasons.length) throw usage(`connections ${from} to ${to}`);
    const count = this.#rows.length / ROW_WORDS;
    for (let i = from; i < to; i++) if (slots[i] >= count) throw usage(`slot ${slots[i]} of ${count}`);
  }
}

function usage(what: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `Cannot encode ${what}`, 'Check the arguments of the call');
}

/** Where the records of a template count that no message can hold. */
function placeOf(oversize: Float64Array, id: number): number {
  const last = oversize.length - OVERSIZE_WORDS;
  let place = 0;
  while (place < last && oversize[place] !== 0 && oversize[place] !== id) place += OVERSIZE_WORDS;
  return place;
}
