import { formatDestination } from '../../common/destination-endpoint.js';
import { CtflowError } from '../../common/errors.js';
import { explained } from '../../destination/failure-meaning.js';
import { BURST, Pacer } from '../../destination/pacing/pacer.js';
import { IPFIX_VERSION, MESSAGE_HEADER, OPTIONS_TEMPLATE_SET, SET_HEADER, TEMPLATE_SET } from '../../ipfix/message.js';
import { makeSet } from '../../ipfix/template.js';
import { recordsOf, type Message, type Transport, type TransportListener } from '../../transport/transport.js';
import type { RawSet } from './raw-sets.js';
import type { RawTemplate } from './raw-template.js';

/** Messages that are given to the transport at once, and their octets at most; more than the largest message. */
const MOST_MESSAGES = 64;
const BATCH = 1 << 20;
/** Times that a new template goes out over UDP before its first data. */
const COPIES = 3;
/** Milliseconds between two looks at a transport that takes nothing. */
const LOOK_MS = 1_000;
/** Milliseconds that an ICMP error has to come back. */
const LAST_ERRORS_MS = 500;
/** UDP: milliseconds from an error to the next templates. */
const AFTER_ERROR_MS = 1_000;

export interface SendSessionOptions {
  readonly transport: Transport;
  /** Records a second. */
  readonly maxRate: number | 'off';
  /** UDP: templates go out again after this many milliseconds, and after this many packets, whichever comes first. */
  readonly templateRefreshInterval: number;
  readonly templateRefreshPackets: number;
  /** Milliseconds without any progress after which it gives up. */
  readonly timeout: number;
  /** A session has ended, and another is tried. */
  readonly closed: (why: string, uncertain: number) => void;
  /** No more is to be sent. */
  readonly signal: AbortSignal;
}

/** What this session knows of one observation domain. */
interface Domain {
  readonly id: number;
  sequence: number;
  readonly templates: Map<number, RawTemplate>;
  /** Export times with which templates were sent last. */
  readonly announced: Map<number, number>;
  refreshedAt: number;
  /** Messages with data since templates went out. */
  packets: number;
}

/**
 * A transport session for records that were exported before, in their own templates and observation domains. Messages keep the
 * export time that they had, because elements may count from it; sequence numbers are those of this session.
 */
export class SendSession implements TransportListener {
  readonly transport: Transport;
  /** Records that no message can hold. */
  oversize = 0;
  readonly #options: SendSessionOptions;
  readonly #domains = new Map<number, Domain>();
  readonly #pacer: Pacer | undefined;
  /** No Buffer: transports copy with slice(), which of a Buffer is a view. */
  readonly #out = new Uint8Array(BATCH);
  readonly #lengths = new Uint32Array(MOST_MESSAGES * 2);
  #messages = 0;
  #used = 0;
  #why = '';

  constructor(options: SendSessionOptions) {
    this.#options = options;
    this.transport = options.transport;
    if (options.maxRate !== 'off') this.#pacer = new Pacer(options.maxRate);
  }

  /** @throws CtflowError CTFLOW_TRANSPORT where it cannot be opened in time */
  async open(): Promise<void> {
    await this.transport.open(this);
    await this.#ready();
  }

  /** Whether the template has an id that means another one in this session. */
  conflicts(domain: number, template: RawTemplate): boolean {
    const known = this.#domains.get(domain)?.templates.get(template.id);
    return known !== undefined && !known.equals(template);
  }

  /** A template that records may have from now on. */
  define(observationDomain: number, template: RawTemplate): void {
    const { templates } = this.#domain(observationDomain);
    if (!templates.has(template.id)) templates.set(template.id, template);
  }

  /**
   * Sends records in as many messages as it takes, each behind its template.
   * @throws CtflowError CTFLOW_TRANSPORT where nothing was taken for too long; CTFLOW_UNEXPORTED where it was stopped
   */
  async send(observationDomain: number, exportTime: number, { template, bytes, bounds }: RawSet): Promise<void> {
    const domain = this.#domain(observationDomain);
    const last = bounds.length - 1;
    /** Where the records from this one on end that one message holds. */
    const fit = (record: number): number => {
      const room = this.transport.limit - MESSAGE_HEADER - SET_HEADER;
      let end = record;
      while (end < last && bounds[end + 1] - bounds[record] <= room) end++;
      return end;
    };
    for (let record = 0; record < last;) {
      await this.#ready();
      await this.#pace(fit(record) - record);
      // another session may have begun meanwhile
      if (!this.transport.ready) continue;
      this.#prepare(domain, exportTime);
      const end = fit(record);
      if (end === record || !domain.announced.has(template.id)) {
        this.oversize++;
        record++;
        continue;
      }
      this.#data(domain, exportTime, template.id, bytes.subarray(bounds[record], bounds[end]), end - record);
      record = end;
    }
    this.#flush();
  }

  /** Sends what waits, and closes. */
  async close(): Promise<void> {
    const { transport } = this;
    // over UDP it takes an answer to know that nobody listens
    if (transport.unreliable && transport.ready) await new Promise(resolve => setTimeout(resolve, LAST_ERRORS_MS));
    await transport.close(this.#options.signal.aborted ? 0 : this.#options.timeout);
  }

  opened(): void {
    for (const domain of this.#domains.values()) {
      domain.sequence = 0;
      domain.announced.clear();
    }
    const batch = this.#takeBatch();
    for (const { bytes, records } of [...this.transport.takeBack(), ...batch]) {
      if (records === 0) continue;
      const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const domain = this.#domain(message.readUInt32BE(12));
      const exportTime = message.readUInt32BE(4);
      this.#prepare(domain, exportTime);
      const content = message.subarray(MESSAGE_HEADER + SET_HEADER);
      this.#data(domain, exportTime, message.readUInt16BE(MESSAGE_HEADER), content, records);
    }
    this.#flush();
  }

  closed(why: string, uncertain: number): void {
    this.#why = why;
    this.#options.closed(why, uncertain);
  }

  emptyMessage(records: number): Uint8Array {
    const message = Buffer.alloc(MESSAGE_HEADER);
    const [domain] = this.#domains.keys();
    writeHeader(message, MESSAGE_HEADER, Math.floor(Date.now() / 1000), records, domain ?? 0);
    return message;
  }

  /** The transport counts them. */
  settled(): void {}

  probe(): Uint8Array | undefined {
    for (const { id, templates } of this.#domains.values()) {
      for (const template of templates.values()) {
        const set = templateSet([template]);
        const message = Buffer.concat([Buffer.alloc(MESSAGE_HEADER), set]);
        writeHeader(message, message.length, Math.floor(Date.now() / 1000), 0, id);
        return message;
      }
    }
    return undefined;
  }

  /** Templates may be among what did not arrive: they are due again after a second, as errors come in numbers. */
  erred(): void {
    const dueAt = performance.now() + AFTER_ERROR_MS - this.#options.templateRefreshInterval;
    for (const domain of this.#domains.values()) domain.refreshedAt = Math.min(domain.refreshedAt, dueAt);
  }

  unsegmented(): void {}

  undelivered(messages: readonly Message[]): number {
    return recordsOf(messages);
  }

  lost(messages: readonly Message[]): number {
    return recordsOf(messages);
  }

  #domain(id: number): Domain {
    let domain = this.#domains.get(id);
    if (domain === undefined) {
      domain = { id, sequence: 0, templates: new Map(), announced: new Map(), refreshedAt: 0, packets: 0 };
      this.#domains.set(id, domain);
    }
    return domain;
  }

  /** Templates that the collector does not have, or that are due again. Data must not seem older than they (RFC 7011 section 8). */
  #prepare(domain: Domain, exportTime: number): void {
    const { unreliable } = this.transport;
    const { templateRefreshInterval, templateRefreshPackets } = this.#options;
    const { templates, announced } = domain;
    const now = performance.now();
    const due =
      unreliable &&
      announced.size > 0 &&
      (now - domain.refreshedAt >= templateRefreshInterval || domain.packets >= templateRefreshPackets);
    const all = [...templates.values()];
    const late = all.filter(({ id }) => due || (announced.get(id) ?? -1) > exportTime);
    const first = all.filter(({ id }) => !announced.has(id));
    if (late.length === 0 && first.length === 0) return;
    if (due || announced.size === 0) {
      domain.refreshedAt = now;
      domain.packets = 0;
    }
    for (let copy = 0; copy < (unreliable ? COPIES : 1); copy++) this.#announce(domain, exportTime, first);
    this.#announce(domain, exportTime, late);
  }

  /** As many messages as it takes. What no message can hold is not announced. */
  #announce(domain: Domain, exportTime: number, templates: readonly RawTemplate[]): void {
    const room = this.transport.limit - MESSAGE_HEADER - SET_HEADER;
    for (const isOptions of [false, true]) {
      let batch: RawTemplate[] = [];
      let length = 0;
      const send = (): void => {
        if (batch.length > 0) this.#push(domain, exportTime, templateSet(batch), 0);
        batch = [];
        length = 0;
      };
      for (const template of templates) {
        if (template.isOptions !== isOptions || template.record.length > room) continue;
        if (length + template.record.length > room) send();
        batch.push(template);
        length += template.record.length;
        domain.announced.set(template.id, exportTime);
      }
      send();
    }
  }

  #data(domain: Domain, exportTime: number, id: number, records: Uint8Array, count: number): void {
    domain.packets++;
    this.#push(domain, exportTime, makeSet(id, [records]), count);
  }

  #push(domain: Domain, exportTime: number, set: Uint8Array, records: number): void {
    const length = MESSAGE_HEADER + set.length;
    if (this.#messages === MOST_MESSAGES || this.#used + length > this.#out.length) this.#flush();
    writeHeader(this.#out.subarray(this.#used), length, exportTime, domain.sequence, domain.id);
    this.#out.set(set, this.#used + MESSAGE_HEADER);
    domain.sequence = (domain.sequence + records) >>> 0;
    this.#lengths[this.#messages * 2] = length;
    this.#lengths[this.#messages * 2 + 1] = records;
    this.#messages++;
    this.#used += length;
  }

  #flush(): void {
    const messages = this.#messages;
    const bytes = this.#out.subarray(0, this.#used);
    this.#messages = 0;
    this.#used = 0;
    if (messages > 0) this.transport.send(bytes, this.#lengths, messages);
  }

  /** Messages that the transport was not given yet, each with bytes of its own. */
  #takeBatch(): Message[] {
    const messages: Message[] = [];
    for (let i = 0, at = 0; i < this.#messages; i++) {
      const end = at + this.#lengths[i * 2];
      messages.push({ bytes: Uint8Array.from(this.#out.subarray(at, end)), records: this.#lengths[i * 2 + 1] });
      at = end;
    }
    this.#messages = 0;
    this.#used = 0;
    return messages;
  }

  /** Waits until the rate allows so many records. */
  async #pace(records: number): Promise<void> {
    throwIfStopped(this.#options.signal);
    const pacer = this.#pacer;
    if (!pacer) return;
    while (pacer.allowance(performance.now()) < Math.min(records, BURST)) {
      this.#flush();
      await new Promise(resolve => (pacer.wait > 0 ? setTimeout(resolve, pacer.wait) : setImmediate(resolve)));
      throwIfStopped(this.#options.signal);
    }
    pacer.spend(records, true);
  }

  async #ready(): Promise<void> {
    const { transport } = this;
    const { timeout } = this.#options;
    let since = performance.now();
    for (let taken = transport.counts.octets; !transport.ready;) {
      this.#flush();
      await transport.untilReady(Math.min(LOOK_MS, timeout));
      throwIfStopped(this.#options.signal);
      const now = performance.now();
      if (transport.counts.octets !== taken) [taken, since] = [transport.counts.octets, now];
      if (!transport.ready && now - since >= timeout) {
        const why = this.#why === '' ? '' : `: ${explained(this.#why)}`;
        throw new CtflowError(
          'CTFLOW_TRANSPORT',
          `${formatDestination(transport.endpoint)} has taken nothing for ${timeout / 1000} s${why}`,
          'Check that it can be reached and keeps up, or give a longer --timeout',
        );
      }
    }
  }
}

/** @throws CtflowError CTFLOW_UNEXPORTED */
export function throwIfStopped({ aborted }: AbortSignal): void {
  if (!aborted) return;
  throw new CtflowError('CTFLOW_UNEXPORTED', 'Stopped before everything was sent', 'The counters say what was sent');
}

function templateSet(templates: readonly RawTemplate[]): Uint8Array {
  const id = templates[0].isOptions ? OPTIONS_TEMPLATE_SET : TEMPLATE_SET;
  return makeSet(
    id,
    templates.map(({ record }) => record),
  );
}

function writeHeader(to: Uint8Array, length: number, exportTime: number, sequence: number, domain: number): void {
  const into = Buffer.from(to.buffer, to.byteOffset, MESSAGE_HEADER);
  into.writeUInt16BE(IPFIX_VERSION, 0);
  into.writeUInt16BE(length, 2);
  into.writeUInt32BE(exportTime, 4);
  into.writeUInt32BE(sequence >>> 0, 8);
  into.writeUInt32BE(domain, 12);
}
