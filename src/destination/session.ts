import type { Batch } from '../row/batch.js';
import type { Backend } from '../backend/backend.js';
import type { Profile } from '../ipfix/profile.js';
import { FIRST_DATA_SET, IPFIX_VERSION, MESSAGE_HEADER, SET_HEADER, TEMPLATE_SET } from '../ipfix/message.js';
import { compilePlan, makeSet, templateRecord, type Field } from '../ipfix/template.js';
import {
  FLOW_KEYS_LENGTH,
  flowKeysSet,
  OPTIONS_TEMPLATES,
  optionsTemplateSet,
  reliabilitySet,
  statisticsSet,
  type NotSent,
} from '../ipfix/options.js';
import type { NameTable } from '../record/name-table.js';
import type { Message, Transport } from '../transport/transport.js';

/** Messages encoded in one go. */
const MESSAGES_A_CALL = 64;
/** Times that a new template goes out over UDP before its first data, which comes with one more. */
const EARLY_COPIES = 2;
const NOTHING = new Uint8Array(0);

export interface SessionOptions {
  backend: Backend;
  profile: Profile;
  transport: Transport;
  /** The names that records refer to by number. */
  names: NameTable;
  observationDomain: number;
  /** UDP: templates go out again after this many milliseconds, and after this many packets, whichever comes first. */
  templateRefreshInterval: number;
  templateRefreshPackets: number;
  /** Monotonic milliseconds; milliseconds since 1970. */
  monotonic: () => number;
  wall: () => number;
}

/** A template as this session knows it. */
interface ActiveTemplate {
  readonly id: number;
  readonly fields: readonly Field[];
  readonly plan: Uint32Array;
  readonly record: Uint8Array;
  announced: boolean;
}

/** Counted over all sessions with this destination. */
export interface SessionCounts {
  /** Data records of flows. */
  records: number;
  /** Flow records that no message can hold. */
  oversize: number;
  /** Data records of options. */
  optionsRecords: number;
  messages: number;
  octets: number;
}

/**
 * A transport session with one collector (RFC 7011 section 8): sequence numbers, template ids, when templates are due.
 */
export class Session {
  readonly profile: Profile;
  readonly counts: SessionCounts = { records: 0, oversize: 0, optionsRecords: 0, messages: 0, octets: 0 };
  readonly #options: SessionOptions;
  readonly #templates = new Map<number, ActiveTemplate>();
  readonly #out: Uint8Array;
  readonly #lengths = new Uint32Array(MESSAGES_A_CALL * 2);
  #sequence = 0;
  #exportTime = 0;
  #refreshedAt = 0;
  #packets = 0;
  #optionsAnnounced = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.profile = options.profile;
    this.#out = new Uint8Array(Math.max(options.transport.limit, 2048) * MESSAGES_A_CALL);
  }

  /** Records are taken now. */
  get ready(): boolean {
    return this.#options.transport.ready;
  }

  /** Data records given to the transport in all. */
  get sent(): number {
    return this.counts.records + this.counts.optionsRecords;
  }

  /**
   * A new transport session: sequence numbers start at 0 and the collector knows no template. Messages that the previous session
   * did not send go first.
   */
  open(): void {
    this.#sequence = 0;
    this.#packets = 0;
    this.#optionsAnnounced = false;
    this.#refreshedAt = this.#options.monotonic();
    for (const template of this.#templates.values()) template.announced = false;
    this.#resume(this.#options.transport.takeBack());
  }

  /** A message without sets, after so many data records of this session; it is not counted. */
  emptyMessage(records: number): Uint8Array {
    const message = new Uint8Array(MESSAGE_HEADER);
    this.#writeHeader(message, MESSAGE_HEADER, records);
    return message;
  }

  /** Sends a batch of flow records of one shape. */
  send(shape: number, batch: Batch): void {
    const template = this.#template(shape);
    this.#refreshIfDue();
    let prefix: Uint8Array = NOTHING;
    if (!template.announced) {
      prefix = makeSet(TEMPLATE_SET, [template.record]);
      if (prefix.length + MESSAGE_HEADER > this.#options.transport.limit) {
        this.counts.oversize += batch.count;
        return;
      }
      this.#sendEarlyCopies(prefix);
      template.announced = true;
      if (this.profile.templatesApart) {
        this.#sendSets([prefix]);
        prefix = NOTHING;
      }
    }
    for (let from = 0; from < batch.count;) {
      const encoded = this.#options.backend.encode({
        plan: template.plan,
        templateId: template.id,
        records: batch.bytes,
        from,
        to: batch.count,
        names: this.#options.names.bytes,
        nameEnds: this.#options.names.ends,
        ...this.#header(),
        prefix,
        limit: this.#options.transport.limit,
        out: this.#out,
        lengths: this.#lengths,
      });
      this.counts.oversize += encoded.oversize;
      this.counts.records += encoded.next - from - encoded.oversize;
      this.#sendMessages(encoded.messages);
      prefix = NOTHING;
      from = encoded.next;
    }
  }

  /**
   * Options records: what was sent, what was not, the flow keys of each template (RFC 7011 section 4).
   * @param notSent undefined while nothing was lost
   */
  sendOptions(notSent: NotSent | undefined): void {
    this.#refreshIfDue();
    const { observationDomain, transport } = this.#options;
    const { messages, records, octets } = this.counts;
    const sets = [statisticsSet({ observationDomain, messages, flowRecords: records, octets })];
    if (notSent) sets.push(reliabilitySet(process.pid, notSent));
    const templates = [...this.#templates.values()].filter(template => template.announced);
    const keysAtOnce = Math.floor((transport.limit - MESSAGE_HEADER - SET_HEADER) / FLOW_KEYS_LENGTH);
    for (let from = 0; from < templates.length; from += keysAtOnce) {
      sets.push(flowKeysSet(templates.slice(from, from + keysAtOnce)));
    }
    let prefix: Uint8Array = NOTHING;
    if (!this.#optionsAnnounced) {
      prefix = optionsTemplateSet();
      this.#sendEarlyCopies(prefix);
      this.#optionsAnnounced = true;
    }
    for (const { set, records: count } of sets) {
      this.#sendSets([prefix, set], count);
      this.counts.optionsRecords += count;
      prefix = NOTHING;
    }
  }

  /** Messages of an earlier session, with the templates of this one in front, numbered and dated anew. */
  #resume(messages: readonly Message[]): void {
    const withData = messages
      .filter(({ records }) => records > 0)
      .map(({ bytes, records }) => ({
        records,
        data: bytes.subarray(firstDataSet(bytes)),
      }));
    for (const { bytes } of messages) this.counts.octets -= bytes.length;
    this.counts.messages -= messages.length;
    const ids = new Set(withData.map(({ data }) => setId(data)));
    const templates = [...this.#templates.values()].filter(({ id }) => ids.delete(id));
    if (ids.size > 0) {
      this.#sendSets([optionsTemplateSet()]);
      this.#optionsAnnounced = true;
    }
    for (const template of templates) template.announced = true;
    this.#sendTemplates(templates);
    for (const { data, records } of withData) this.#sendSets([data], records);
  }

  #sendEarlyCopies(templates: Uint8Array): void {
    if (this.#options.transport.unreliable) for (let i = 0; i < EARLY_COPIES; i++) this.#sendSets([templates]);
  }

  #template(shape: number): ActiveTemplate {
    const { profile } = this;
    const kind = shape & profile.shapes;
    let template = this.#templates.get(kind);
    if (!template) {
      const id = FIRST_DATA_SET + OPTIONS_TEMPLATES + this.#templates.size;
      const fields = profile.fieldsOf(kind);
      template = { id, fields, plan: compilePlan(fields), record: templateRecord(id, fields), announced: false };
      this.#templates.set(kind, template);
    }
    return template;
  }

  /** UDP loses templates and collectors restart: active templates are sent again. */
  #refreshIfDue(): void {
    const { transport, templateRefreshInterval, templateRefreshPackets, monotonic } = this.#options;
    if (!transport.unreliable) return;
    const now = monotonic();
    if (now - this.#refreshedAt < templateRefreshInterval && this.#packets < templateRefreshPackets) return;
    this.#refreshedAt = now;
    this.#packets = 0;
    if (this.#optionsAnnounced) this.#sendSets([optionsTemplateSet()]);
    this.#sendTemplates([...this.#templates.values()].filter(({ announced }) => announced));
  }

  /** As many messages as it takes. */
  #sendTemplates(templates: readonly ActiveTemplate[]): void {
    const { limit } = this.#options.transport;
    let records: Uint8Array[] = [];
    let length = MESSAGE_HEADER + SET_HEADER;
    for (const { record } of templates) {
      const full = this.profile.templatesApart || length + record.length > limit;
      if (records.length > 0 && full) {
        this.#sendSets([makeSet(TEMPLATE_SET, records)]);
        records = [];
        length = MESSAGE_HEADER + SET_HEADER;
      }
      records.push(record);
      length += record.length;
    }
    if (records.length > 0) this.#sendSets([makeSet(TEMPLATE_SET, records)]);
  }

  /** One message that holds these sets and `records` data records. */
  #sendSets(sets: readonly Uint8Array[], records = 0): void {
    let length = MESSAGE_HEADER;
    for (const set of sets) {
      this.#out.set(set, length);
      length += set.length;
    }
    this.#writeHeader(this.#out, length, this.#sequence);
    this.#lengths[0] = length;
    this.#lengths[1] = records;
    this.#sendMessages(1);
  }

  #writeHeader(into: Uint8Array, length: number, sequence: number): void {
    const { exportTime, observationDomain } = this.#header();
    const header = Buffer.from(into.buffer, into.byteOffset, MESSAGE_HEADER);
    header.writeUInt16BE(IPFIX_VERSION, 0);
    header.writeUInt16BE(length, 2);
    header.writeUInt32BE(exportTime, 4);
    header.writeUInt32BE(sequence >>> 0, 8);
    header.writeUInt32BE(observationDomain, 12);
  }

  #sendMessages(messages: number): void {
    for (let i = 0; i < messages; i++) {
      this.#sequence = (this.#sequence + this.#lengths[i * 2 + 1]) >>> 0;
      this.counts.octets += this.#lengths[i * 2];
    }
    this.counts.messages += messages;
    this.#packets += messages;
    this.#options.transport.send(this.#out, this.#lengths, messages);
  }

  /** The export time never goes back, or data would seem older than its template. */
  #header(): { exportTime: number; sequence: number; observationDomain: number } {
    this.#exportTime = Math.max(this.#exportTime, Math.floor(this.#options.wall() / 1000));
    return {
      exportTime: this.#exportTime,
      sequence: this.#sequence,
      observationDomain: this.#options.observationDomain,
    };
  }
}

/** Where the data sets of a message begin: its templates stand before them. */
function firstDataSet(message: Uint8Array): number {
  let at = MESSAGE_HEADER;
  while (setId(message, at) < FIRST_DATA_SET) at += (message[at + 2] << 8) | message[at + 3];
  return at;
}

function setId(bytes: Uint8Array, at = 0): number {
  return (bytes[at] << 8) | bytes[at + 1];
}
