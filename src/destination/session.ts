import type { Batch } from '../row/batch.js';
import type { Encoded } from '../encoder/request.js';
import type { Backend } from '../backend/backend.js';
import type { Profile } from '../ipfix/profile.js';
import { addMessage, addRecords, type Totals } from '../ipfix/message-totals.js';
import { FIRST_DATA_SET, IPFIX_VERSION, MESSAGE_HEADER, SET_HEADER, TEMPLATE_SET } from '../ipfix/message.js';
import { compilePlan, makeSet, templateRecord, type Field } from '../ipfix/template.js';
import {
  FLOW_KEYS_LENGTH,
  flowKeysSet,
  ignoredSet,
  notSentSet,
  optionsTemplateSet,
  statisticsSet,
  type Ignored,
  type NotSent,
  type OptionsSet,
} from '../ipfix/options.js';
import { templateId } from '../ipfix/template-id.js';
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
  readonly record: Uint8Array;
  announced: boolean;
}

/** How records of one shape are encoded. */
interface ShapePlan {
  readonly template: ActiveTemplate;
  readonly plan: Uint32Array;
}

/** Seconds by which the wall clock must have gone back to be put right, not only adjusted. */
const CLOCK_STEP = 2;

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
  /** By id. */
  readonly #templates = new Map<number, ActiveTemplate>();
  /** By the bits of a shape that make a difference. */
  readonly #plans = new Map<number, ShapePlan>();
  /** Flow records that were encoded and did not arrive, or that no message can hold. */
  readonly lost: Totals = { flows: 0, packets: 0, octets: 0 };
  readonly #out: Uint8Array;
  readonly #lengths = new Uint32Array(MESSAGES_A_CALL * 2);
  #sequence = 0;
  #exportTime = 0;
  #refreshedAt = 0;
  /** Messages with data since templates went out. */
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
    const { transport, monotonic } = this.#options;
    const known = [...this.#templates.values()].filter(({ announced }) => announced);
    this.#sequence = 0;
    this.#exportTime = 0;
    this.#packets = 0;
    this.#optionsAnnounced = false;
    this.#refreshedAt = monotonic();
    for (const template of known) template.announced = false;
    // a collector that was away has forgotten them; each goes with its first data again
    if (transport.unreliable) this.#sendTemplates(known);
    this.#resume(transport.takeBack());
  }

  /** A message without sets, after so many data records of this session; it is not counted. */
  emptyMessage(records: number): Uint8Array {
    const message = new Uint8Array(MESSAGE_HEADER);
    this.#writeHeader(message, MESSAGE_HEADER, records);
    return message;
  }

  /** Sends a batch of flow records of one shape. */
  send(shape: number, batch: Batch): void {
    const { template, plan } = this.#plan(shape);
    this.#refreshIfDue();
    let prefix: Uint8Array = NOTHING;
    if (!template.announced) {
      prefix = makeSet(TEMPLATE_SET, [template.record]);
      if (prefix.length + MESSAGE_HEADER > this.#options.transport.limit) {
        this.counts.oversize += batch.count;
        addRecords(this.lost, batch, 0, batch.count, template.fields);
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
        plan,
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
      if (encoded.oversize > 0) this.#addOversize(batch, from, encoded, template.fields);
      this.counts.records += encoded.next - from - encoded.oversize;
      this.#sendMessages(encoded.messages);
      prefix = NOTHING;
      from = encoded.next;
    }
  }

  /** A message of a new session with a template that was sent before; it is not counted. */
  probe(): Uint8Array | undefined {
    const [template] = this.#templates.values();
    if (!template && !this.#optionsAnnounced) return undefined;
    const set = template ? makeSet(TEMPLATE_SET, [template.record]) : optionsTemplateSet();
    const message = new Uint8Array(MESSAGE_HEADER + set.length);
    message.set(set, MESSAGE_HEADER);
    this.#writeHeader(message, message.length, 0);
    return message;
  }

  /** Messages whose records are lost. @returns how many flow records they have */
  lose(messages: readonly Message[]): number {
    const { flows } = this.lost;
    for (const { bytes } of messages) addMessage(this.lost, bytes, id => this.#templates.get(id)?.fields);
    return this.lost.flows - flows;
  }

  /** Records of one shape that are dropped before they are encoded. */
  loseBatch(shape: number, batch: Batch): void {
    addRecords(this.lost, batch, 0, batch.count, this.#plan(shape).template.fields);
  }

  /**
   * Options records: what was sent, what was not, the flow keys of each template (RFC 7011 section 4).
   * @param notSent undefined while no record was dropped
   * @param ignored undefined while no packet was left out
   */
  sendOptions(notSent: NotSent | undefined, ignored: Ignored | undefined): void {
    this.#refreshIfDue();
    const { observationDomain, transport } = this.#options;
    const templates = [...this.#templates.values()].filter(template => template.announced);
    let prefix: Uint8Array = NOTHING;
    if (!this.#optionsAnnounced) {
      prefix = optionsTemplateSet();
      this.#sendEarlyCopies(prefix);
      this.#optionsAnnounced = true;
    }
    // what went before this very message
    const { messages, records, octets } = this.counts;
    this.#sendOptionsSet(statisticsSet({ observationDomain, messages, flowRecords: records, octets }), prefix);
    if (notSent) this.#sendOptionsSet(notSentSet(process.pid, notSent));
    if (ignored) this.#sendOptionsSet(ignoredSet(observationDomain, ignored));
    const keysAtOnce = Math.floor((transport.limit - MESSAGE_HEADER - SET_HEADER) / FLOW_KEYS_LENGTH);
    for (let from = 0; from < templates.length; from += keysAtOnce) {
      this.#sendOptionsSet(flowKeysSet(templates.slice(from, from + keysAtOnce)));
    }
  }

  #sendOptionsSet({ set, records }: OptionsSet, prefix: Uint8Array = NOTHING): void {
    this.#sendSets([prefix, set], records);
    this.counts.optionsRecords += records;
  }

  /** What the batch holds beside the records that are in the messages. */
  #addOversize(batch: Batch, from: number, { messages, next, oversize }: Encoded, fields: readonly Field[]): void {
    this.counts.oversize += oversize;
    const all = { flows: 0, packets: 0, octets: 0 };
    const encoded = { ...all };
    addRecords(all, batch, from, next, fields);
    for (let i = 0, at = 0; i < messages; i++) {
      const end = at + this.#lengths[i * 2];
      addMessage(encoded, this.#out.subarray(at, end), id => this.#templates.get(id)?.fields);
      at = end;
    }
    this.lost.flows += oversize;
    this.lost.packets += all.packets - encoded.packets;
    this.lost.octets += all.octets - encoded.octets;
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

  #plan(shape: number): ShapePlan {
    const { profile } = this;
    const kind = shape & profile.shapes;
    let plan = this.#plans.get(kind);
    if (!plan) {
      const id = templateId(profile, kind);
      const fields = profile.fieldsOf(kind);
      const template = this.#templates.get(id) ?? { id, fields, record: templateRecord(id, fields), announced: false };
      this.#templates.set(id, template);
      plan = { template, plan: compilePlan(fields) };
      this.#plans.set(kind, plan);
    }
    return plan;
  }

  /** UDP loses templates and collectors restart: active templates are sent again. */
  #refreshIfDue(): void {
    const { transport, templateRefreshInterval, templateRefreshPackets, monotonic, wall } = this.#options;
    if (!transport.unreliable) return;
    const now = monotonic();
    // data must not seem older than its template (RFC 7011 section 8)
    const putRight = this.#exportTime - Math.floor(wall() / 1000) >= CLOCK_STEP;
    if (putRight) this.#exportTime = 0;
    else if (now - this.#refreshedAt < templateRefreshInterval && this.#packets < templateRefreshPackets) return;
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
      if (this.#lengths[i * 2 + 1] > 0) this.#packets++;
    }
    this.counts.messages += messages;
    this.#options.transport.send(this.#out, this.#lengths, messages);
  }

  /** The export time does not go back beside templates that were sent, or data would seem older than they. */
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
