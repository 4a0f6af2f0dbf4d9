import {
  FORWARD,
  MESSAGE_WORDS,
  OVERSIZE_WORDS,
  REPLY,
  TOO_LARGE,
  type EncoderTemplate,
  type FlowEncoder,
  type FlowEncoderOptions,
} from '../encoder/request.js';
import type { Backend } from '../backend/backend.js';
import { detailWords } from '../ipfix/details.js';
import type { Profile } from '../ipfix/profile.js';
import { addMessage, type Totals } from '../ipfix/message-totals.js';
import { REVERSED } from '../ipfix/shape.js';
import {
  firstDataSet,
  MESSAGE_HEADER,
  SET_HEADER,
  setIdOf,
  TEMPLATE_SET,
  writeMessageHeader,
} from '../ipfix/message.js';
import { compilePlan, makeSet, templateRecord } from '../ipfix/template.js';
import type { Ignored, NotSent } from '../ipfix/options.js';
import { templateId } from '../ipfix/template-id.js';
import { templateName } from '../ipfix/template-name.js';
import type { NameTable } from '../record/name-table.js';
import { CLOCK_BACK, type Message, type SessionTransport } from '../transport/transport.js';
import { ActiveTemplates, templateSets, type KnownTemplate } from './active-templates.js';
import type { MessageBatch, Outgoing } from './message-batch.js';
import { OptionsData, type OptionsDataOptions } from './options-data.js';

/** Times that a new template goes out over UDP before its first data, which comes with one more. */
const EARLY_COPIES = 2;
/** UDP: templates that may be lost go out again, but no more often than this; milliseconds. */
const LEAST_REFRESH_MS = 1_000;
/** Bytes by which the limit may rise when a name gets another address. */
const IP_HEADERS_DIFFER = 20;

export interface SessionOptions extends OptionsDataOptions {
  backend: Backend;
  profile: Profile;
  transport: SessionTransport;
  /** The names that flows refer to by number. */
  names: NameTable;
  /** So many data records were sent in front of messages of an earlier session. */
  sentInFront?: (records: number) => void;
  /** UDP: templates go out again after this many milliseconds, and after this many packets, whichever comes first. */
  templateRefreshInterval: number;
  templateRefreshPackets: number;
  /** Monotonic milliseconds; milliseconds since 1970. */
  monotonic: () => number;
  wall: () => number;
}

/** Seconds by which the wall clock must have gone back to be put right, not only adjusted. */
const CLOCK_STEP = 2;

/** Counted over all sessions with this destination. */
export interface SessionCounts {
  /** Data records of flows. */
  records: number;
  /** Flow records that no message can hold. */
  oversize: number;
  /** The same by the name of their template. */
  oversizeTemplates: Record<string, number>;
  /** Data records of options. */
  optionsRecords: number;
  messages: number;
  octets: number;
  /** Templates that were no longer kept active, as others had to be. */
  retiredTemplates: number;
}

/**
 * A transport session with one collector (RFC 7011 section 8): sequence numbers, template ids, when templates are due.
 */
export class Session {
  readonly profile: Profile;
  readonly counts: SessionCounts = {
    records: 0,
    oversize: 0,
    oversizeTemplates: {},
    optionsRecords: 0,
    messages: 0,
    octets: 0,
    retiredTemplates: 0,
  };
  readonly #options: SessionOptions;
  readonly #templates = new ActiveTemplates();
  readonly #encoders: FlowEncoder[] = [];
  readonly #optionsData: OptionsData;
  /** Flow records that were encoded and did not arrive, or that no message can hold. */
  readonly lost: Totals = { flows: 0, packets: 0, octets: 0 };
  /** A message with templates or options. */
  readonly #out: Uint8Array;
  readonly #oneLength = new Uint32Array(2);
  /** Two words a message that is sent with others: bytes, data records. */
  #lengths = new Uint32Array(0);
  #sequence = 0;
  #exportTime = 0;
  #refreshedAt = 0;
  /** Messages with data since templates went out. */
  #packets = 0;
  /** A message with templates may be lost. */
  #templatesLost = false;
  /** Data records that were sent in front of those of earlier sessions. */
  #inFront = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.profile = options.profile;
    this.#out = new Uint8Array(this.largest);
    this.#optionsData = new OptionsData(this, options);
  }

  /** Bytes of a message at most, in every session. */
  get largest(): number {
    const { limit, largest = limit } = this.#options.transport;
    return Math.max(largest, limit + IP_HEADERS_DIFFER, 2048);
  }

  /** Bytes of a message at most, now. */
  get limit(): number {
    return this.#options.transport.limit;
  }

  get names(): NameTable {
    return this.#options.names;
  }

  /** Records are taken now. */
  get ready(): boolean {
    return this.#options.transport.ready;
  }

  /** Messages of one length that follow one another cost less. */
  get segments(): boolean {
    return this.#options.transport.segments === true;
  }

  /** Data records given to the transport in all, without those that went in front of others. */
  get sent(): number {
    return this.counts.records + this.counts.optionsRecords - this.#inFront;
  }

  /**
   * A new transport session: sequence numbers start at 0 and the collector knows no template. Messages that the previous session
   * did not send go first.
   */
  open(): void {
    const { transport, monotonic } = this.#options;
    const known = this.#templates.begin();
    this.#sequence = 0;
    this.#exportTime = 0;
    this.#packets = 0;
    this.#optionsData.begin();
    this.#templatesLost = false;
    this.#refreshedAt = monotonic();
    for (const template of this.#templates.all()) this.#reserve(template);
    // a collector that was away has forgotten them; each goes with its first data again
    if (transport.unreliable) this.#sendTemplates(known);
    this.#resume(transport.takeBack());
  }

  /** A message without sets, after so many data records of this session; it is not counted. */
  emptyMessage(records: number): Uint8Array {
    const message = new Uint8Array(MESSAGE_HEADER);
    this.#writeHeader(message, 0, MESSAGE_HEADER, records);
    return message;
  }

  /** Makes an encoder of flows for this collector. */
  createEncoder(options: Omit<FlowEncoderOptions, 'shapes' | 'details' | 'uniflows'>): FlowEncoder {
    const { shapes, uniflows } = this.profile;
    const details = detailWords(this.profile.details);
    const encoder = this.#options.backend.createEncoder({ ...options, shapes, details, uniflows });
    this.#encoders.push(encoder);
    return encoder;
  }

  /** An encoder has met records of a kind of which it has no template. */
  define(encoder: FlowEncoder, kind: number): void {
    const shape = kind & ~(FORWARD | REPLY);
    const shapes = kind & REPLY ? [shape | REVERSED] : [];
    if (kind & FORWARD || shapes.length === 0) shapes.unshift(shape);
    encoder.define(
      kind,
      shapes.map(one => this.#templateOf(one)),
    );
  }

  /** Counts the records that no message can hold. */
  addOversize({ oversize }: MessageBatch): void {
    if (oversize[0] === 0) return;
    const { counts, lost, profile } = this;
    for (let at = 0; at < oversize.length && oversize[at] !== 0; at += OVERSIZE_WORDS) {
      const [id, records, packets, octets] = oversize.subarray(at, at + OVERSIZE_WORDS);
      const name = templateName(profile, id, this.#templates.get(id)!.shape);
      counts.oversize += records;
      counts.oversizeTemplates[name] = (counts.oversizeTemplates[name] ?? 0) + records;
      lost.flows += records;
      lost.packets += packets;
      lost.octets += octets;
    }
    oversize.fill(0);
  }

  /** Sends what goes in front of flow records now: templates again, and options. They are no part of a batch in the journal. */
  prepare(): void {
    this.#refreshIfDue();
    this.#optionsData.introduce();
  }

  /** Sends messages of flow records, each behind its template. */
  send({ bytes, messages, count }: Outgoing): void {
    if (this.#lengths.length < count * 2) this.#lengths = new Uint32Array(messages.length);
    const lengths = this.#lengths;
    // messages that lie one behind another go together
    let run = 0;
    let together = 0;
    for (let message = 0, at = 0; message < count; message++) {
      const length = messages[message * MESSAGE_WORDS];
      const records = messages[message * MESSAGE_WORDS + 1];
      const reserved = messages[message * MESSAGE_WORDS + 2];
      const template = this.#templates.get(setIdOf(bytes, at + MESSAGE_HEADER + reserved))!;
      let begin = at;
      if (!template.announced || reserved > 0) {
        this.#sendMessages(bytes.subarray(run), lengths, together);
        together = 0;
        if (template.announced) begin += reserved;
        else this.#announce(template, bytes, at, reserved);
      }
      this.#templates.use(template);
      if (together === 0) run = begin;
      const end = at + length;
      this.#writeHeader(bytes, begin, end - begin, this.#sequence);
      this.#sequence = (this.#sequence + records) >>> 0;
      this.counts.records += records;
      lengths[together * 2] = end - begin;
      lengths[together * 2 + 1] = records;
      together++;
      at = end;
    }
    this.#sendMessages(bytes.subarray(run), lengths, together);
  }

  /** A message of a new session with a template that was sent before; it is not counted. */
  probe(): Uint8Array | undefined {
    const [template] = this.#templates.all();
    if (!template && !this.#optionsData.announced) return undefined;
    const set = template ? makeSet(TEMPLATE_SET, [template.record]) : this.#optionsData.templates;
    const message = new Uint8Array(MESSAGE_HEADER + set.length);
    message.set(set, MESSAGE_HEADER);
    this.#writeHeader(message, 0, message.length, 0);
    return message;
  }

  /** Messages whose records are lost. @returns how many flow records they have */
  lose(messages: readonly Message[]): number {
    const { flows } = this.lost;
    for (const { bytes } of messages) addMessage(this.lost, bytes, id => this.#templates.get(id)?.fields);
    return this.lost.flows - flows;
  }

  /**
   * Options records: what was sent, what was not, the flow keys of each template (RFC 7011 section 4).
   * @param notSent undefined while no record was dropped
   * @param ignored undefined while no packet was left out
   */
  sendOptions(notSent: NotSent | undefined, ignored: Ignored | undefined): void {
    this.#refreshIfDue();
    const statistics = () => {
      const { messages, records, octets } = this.counts;
      return { messages, flowRecords: records, octets };
    };
    this.#optionsData.report(statistics, notSent, ignored, this.#templates.active());
  }

  /** UDP: something did not arrive, and templates may be among it. */
  templatesLost(): void {
    this.#templatesLost = true;
  }

  /** As of OptionsSession. */
  sendOptionsSets(sets: readonly Uint8Array[], records: number): void {
    this.#sendSets(sets, records);
    this.counts.optionsRecords += records;
  }

  /** As of OptionsSession. */
  sendEarlyCopies(templates: Uint8Array): void {
    if (this.#options.transport.unreliable) for (let i = 0; i < EARLY_COPIES; i++) this.#sendSets([templates]);
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
    const ids = new Set(withData.map(({ data }) => setIdOf(data)));
    const templates = this.#templates.all().filter(({ id }) => ids.delete(id));
    if (withData.length > 0) {
      const records = this.#optionsData.introduce();
      this.#inFront += records;
      if (records > 0) this.#options.sentInFront?.(records);
    }
    // what is left are ids of options templates
    if (ids.size > 0) for (const set of this.#optionsData.announce()) this.#sendSets([set]);
    const first: KnownTemplate[] = [];
    for (const template of templates) {
      if (this.#templates.full) break;
      this.#activate(template);
      first.push(template);
    }
    this.#sendTemplates(first);
    for (const { data, records } of withData) {
      const template = this.#templates.get(setIdOf(data));
      if (template && !template.announced) {
        this.#activate(template);
        this.#sendTemplates([template]);
      }
      this.#sendSets([data], records);
    }
  }

  /** @param reserved bytes that the message at `at` has left free for its template; 0 where it has no room for it */
  #announce(template: KnownTemplate, bytes: Uint8Array, at: number, reserved: number): void {
    const set = makeSet(TEMPLATE_SET, [template.record]);
    this.#activate(template);
    this.sendEarlyCopies(set);
    if (reserved > 0) bytes.set(set, at + MESSAGE_HEADER);
    else this.#sendSets([set]);
  }

  /** The collector gets the template. Where it would be one too many, the one that was used least recently goes. */
  #activate(template: KnownTemplate): void {
    const retired = this.#templates.activate(template);
    this.#reserve(template);
    if (!retired) return;
    this.counts.retiredTemplates++;
    this.#reserve(retired);
    // over UDP it only is not sent again (RFC 7011 section 8.4)
    if (!this.#options.transport.unreliable) this.#sendSets([makeSet(TEMPLATE_SET, [templateRecord(retired.id, [])])]);
  }

  #templateOf(shape: number): EncoderTemplate {
    const { profile } = this;
    const id = templateId(profile, shape | profile.always);
    const fields = profile.fieldsOf(shape | profile.always);
    const template = this.#templates.define(id, shape | profile.always, fields);
    return { id, plan: compilePlan(fields), reserve: this.#roomFor(template) };
  }

  #reserve(template: KnownTemplate): void {
    for (const encoder of this.#encoders) encoder.reserve(template.id, this.#roomFor(template));
  }

  /** Bytes that a message is to leave free for the template of its records. */
  #roomFor({ announced, record }: KnownTemplate): number {
    if (announced) return 0;
    const length = SET_HEADER + record.length;
    if (MESSAGE_HEADER + length > this.#options.transport.limit) return TOO_LARGE;
    return this.profile.templatesApart ? 0 : length;
  }

  /** UDP loses templates and collectors restart: active templates are sent again. */
  #refreshIfDue(): void {
    const { transport, monotonic, wall } = this.#options;
    const now = monotonic();
    // data must not seem older than its template (RFC 7011 section 8)
    const putRight = this.#exportTime - Math.floor(wall() / 1000) >= CLOCK_STEP;
    if (putRight && !transport.unreliable) transport.renew?.(CLOCK_BACK);
    if (!transport.unreliable) return;
    if (putRight) this.#exportTime = 0;
    else if (!this.#isRefreshDue(now - this.#refreshedAt)) return;
    this.refresh();
  }

  /** Sends active templates, and soon those of options, again. @returns how many active ones there are */
  refresh(): number {
    this.#refreshedAt = this.#options.monotonic();
    this.#packets = 0;
    this.#templatesLost = false;
    this.#optionsData.refresh();
    const active = this.#templates.active();
    this.#sendTemplates(active);
    return active.length;
  }

  #isRefreshDue(since: number): boolean {
    const { templateRefreshInterval, templateRefreshPackets } = this.#options;
    if (since >= templateRefreshInterval || this.#packets >= templateRefreshPackets) return true;
    return this.#templatesLost && since >= LEAST_REFRESH_MS;
  }

  /** As many messages as it takes. */
  #sendTemplates(templates: readonly KnownTemplate[]): void {
    const { limit } = this.#options.transport;
    for (const set of templateSets(templates, limit, this.profile.templatesApart)) this.#sendSets([set]);
  }

  /** One message that holds these sets and `records` data records. */
  #sendSets(sets: readonly Uint8Array[], records = 0): void {
    let length = MESSAGE_HEADER;
    for (const set of sets) {
      this.#out.set(set, length);
      length += set.length;
    }
    this.#writeHeader(this.#out, 0, length, this.#sequence);
    this.#sequence = (this.#sequence + records) >>> 0;
    this.#oneLength[0] = length;
    this.#oneLength[1] = records;
    this.#sendMessages(this.#out, this.#oneLength, 1);
  }

  /** The export time does not go back beside templates that were sent, or data would seem older than they. */
  #writeHeader(into: Uint8Array, at: number, length: number, sequence: number): void {
    this.#exportTime = Math.max(this.#exportTime, Math.floor(this.#options.wall() / 1000));
    writeMessageHeader(into, at, length, this.#exportTime, sequence, this.#options.observationDomain);
  }

  /** @param lengths two words a message that lies in `bytes`, one after another: bytes, data records */
  #sendMessages(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    if (messages === 0) return;
    for (let i = 0; i < messages; i++) {
      this.counts.octets += lengths[i * 2];
      if (lengths[i * 2 + 1] > 0) this.#packets++;
    }
    this.counts.messages += messages;
    this.#options.transport.send(bytes, lengths, messages);
  }
}
