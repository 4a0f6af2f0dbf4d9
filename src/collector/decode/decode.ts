import {
  FIRST_DATA_SET,
  IPFIX_VERSION,
  MESSAGE_HEADER,
  OPTIONS_TEMPLATE_SET,
  SET_HEADER,
  TEMPLATE_SET,
} from '../../ipfix/message.js';
import { CollectedRecord, type ListTemplates, type MessageOrigin } from './record.js';
import { countSequence } from '../exporter-counts.js';
import { countMalformed, type MalformedReason } from '../stats.js';
import { readTemplateSet, type Template } from './template.js';
import { TemplateTable } from './template-table.js';
import type { PendingSet } from './pending-sets.js';
import type { ObservationDomain, TransportSession } from '../transport-session.js';
import { otherVersion, type Trouble } from '../trouble.js';
import type { Value } from './value.js';

/** What became of one message. */
export interface DecodedMessage {
  /** Data records in their order; none where the message is malformed. */
  readonly records: readonly CollectedRecord[];
  /**
   * Sets that had waited for the templates of this message; each call decodes one of them. They came before the records.
   * One by one, because all of them may be as much as {@link Limits.pendingOctets}.
   */
  readonly waited?: readonly (() => readonly CollectedRecord[])[];
  /** Why the message was discarded. */
  readonly malformed?: MalformedReason;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/**
 * Why the first octets of a message cannot be a header (RFC 7011 section 3.1), undefined where they can.
 * @param bytes 4 octets or more
 */
export function headerFault(bytes: Uint8Array): MalformedReason | undefined {
  if (u16(bytes, 0) !== IPFIX_VERSION) return 'version';
  return u16(bytes, 2) < MESSAGE_HEADER ? 'length' : undefined;
}

/** The length of a message by its header. */
export function messageLength(bytes: Uint8Array): number {
  return u16(bytes, 2);
}

/**
 * Decodes one message, learns its templates and counts it in the session's stats. Never throws, whatever the bytes are. A
 * malformed message is discarded whole: neither its records nor its templates nor its sequence number are used, so that its
 * records count as lost when the next message comes.
 *
 * Data in front of their template wait where the session lets them (over UDP, which changes the order of messages), and
 * come with the message that brings the template. Otherwise they are counted as undecodable sets.
 * @param bytes exactly one message; its records keep it
 */
export function decodeMessage(bytes: Uint8Array, session: TransportSession, now = performance.now()): DecodedMessage {
  const fault = messageFault(bytes);
  if (fault !== undefined) return discard(bytes, session, fault);
  const domain = session.domain(u32(bytes, 12));
  const message = new MessageDecoder(bytes, session, domain, now);
  const malformed = message.run();
  if (malformed !== undefined) return discard(bytes, session, malformed);
  const waited = message.commit();
  return { records: message.records, ...(waited.length > 0 && { waited }) };
}

function discard(bytes: Uint8Array, session: TransportSession, reason: MalformedReason): DecodedMessage {
  countMalformed(session.stats, reason);
  session.onTrouble(malformedMessage(session.exporter, reason, bytes));
  return { records: [], malformed: reason };
}

/** @param bytes the beginning of the message, where there is one */
export function malformedMessage(exporter: string, reason: MalformedReason, bytes?: Uint8Array): Trouble {
  const version = reason === 'version' && bytes !== undefined ? otherVersion(bytes) : undefined;
  return { kind: 'malformed-message', exporter, reason, version };
}

/** Lengths that do not add up and versions that are not IPFIX, RFC 7011 section 9.1; undefined where all is well. */
export function messageFault(bytes: Uint8Array): MalformedReason | undefined {
  if (bytes.length < SET_HEADER) return 'length';
  const fault = headerFault(bytes);
  if (fault !== undefined) return fault;
  if (bytes.length !== messageLength(bytes)) return 'length';
  let at = MESSAGE_HEADER;
  while (at < bytes.length) {
    if (at + SET_HEADER > bytes.length) return 'set';
    const length = u16(bytes, at + 2);
    if (length < SET_HEADER || at + length > bytes.length) return 'set';
    at += length;
  }
  return undefined;
}

/** One message on its way. Nothing in the session changes before {@link commit}. */
class MessageDecoder {
  readonly records: CollectedRecord[] = [];
  readonly #bytes: Uint8Array;
  readonly #session: TransportSession;
  readonly #domain: ObservationDomain;
  readonly #origin: MessageOrigin;
  readonly #scope: { templates: TemplateTable; depth: number; readonly named: Set<number> };
  readonly #now: number;
  readonly #troubles: Trouble[] = [];
  readonly #refreshed: number[] = [];
  readonly #unknown: { readonly id: number; readonly start: number; readonly end: number }[] = [];
  #options = 0;
  #undecodable = 0;
  #reserved = 0;
  readonly #learned: number[] = [];
  #conflicting = 0;
  #refused = 0;
  #withdrawn = 0;
  #ignoredWithdrawals = 0;

  constructor(bytes: Uint8Array, session: TransportSession, domain: ObservationDomain, now: number) {
    this.#bytes = bytes;
    this.#now = now;
    this.#session = session;
    this.#domain = domain;
    this.#scope = { templates: domain.templates, depth: 0, named: new Set() };
    this.#origin = {
      exporter: session.exporter,
      exportTime: u32(bytes, 4),
      sequence: u32(bytes, 8),
      observationDomain: u32(bytes, 12),
      bytes,
    };
  }

  /** Walks the sets; their lengths are known to add up. */
  run(): MalformedReason | undefined {
    let at = MESSAGE_HEADER;
    while (at < this.#bytes.length) {
      const end = at + u16(this.#bytes, at + 2);
      const fault = this.#set(u16(this.#bytes, at), at + SET_HEADER, end);
      if (fault !== undefined) return fault;
      at = end;
    }
    return undefined;
  }

  /** @returns what had waited for its templates */
  commit(): (() => readonly CollectedRecord[])[] {
    const { stats } = this.#session;
    this.#keepUnknown();
    const waited = this.#takeWaiting();
    stats.messages++;
    stats.records += this.records.length - this.#options;
    stats.optionsRecords += this.#options;
    stats.undecodableSets += this.#undecodable;
    stats.reservedSets += this.#reserved;
    stats.templates += this.#learned.length;
    stats.conflictingTemplates += this.#conflicting;
    stats.refusedTemplates += this.#refused;
    stats.withdrawnTemplates += this.#withdrawn;
    stats.ignoredWithdrawals += this.#ignoredWithdrawals;
    this.#session.fields += this.#scope.templates.fields - this.#domain.templates.fields;
    this.#domain.templates = this.#scope.templates;
    for (const id of this.#refreshed) this.#domain.templates.refresh(id, this.#now);
    if (this.records.length > 0 || this.#learned.length > 0 || this.#refreshed.length > 0) {
      this.#session.keep(this.#domain, this.#now);
    }
    for (const trouble of this.#troubles) this.#session.onTrouble(trouble);
    const records = this.#unknown.length > 0 ? undefined : this.records.length;
    const verdict = this.#domain.sequence.next(this.#origin.sequence, this.#origin.exportTime, records);
    const counts = this.#session.exporters.of(this.#session.exporter, this.#origin.observationDomain);
    counts.messages++;
    counts.records += this.records.length - this.#options;
    counts.optionsRecords += this.#options;
    counts.undecodableSets += this.#undecodable;
    counts.lastMessage = Date.now();
    if (verdict.kind === 'gap') counts.gaps++;
    countSequence(verdict, stats, counts);
    return waited;
  }

  #set(id: number, at: number, end: number): MalformedReason | undefined {
    if (id >= FIRST_DATA_SET) return this.#dataSet(id, at, end);
    if (id === TEMPLATE_SET || id === OPTIONS_TEMPLATE_SET) return this.#templateSet(id, at, end);
    this.#reserved++;
    return undefined;
  }

  #dataSet(id: number, at: number, end: number): MalformedReason | undefined {
    const template = this.#scope.templates.get(id);
    if (template === undefined) {
      this.#unknown.push({ id, start: at, end });
      return undefined;
    }
    const before = this.records.length;
    if (!this.#readSet(template, { origin: this.#origin, start: at, end }, this.records)) return 'record';
    if (template.isOptions) this.#options += this.records.length - before;
    return undefined;
  }

  /** @returns whether its records fit */
  #readSet(template: Template, { origin, start, end }: PendingSet, records: CollectedRecord[]): boolean {
    // What is shorter than any record is padding (RFC 7011 section 3.3.1).
    for (let at = start; end - at >= template.minimumLength;) {
      const values: Value[] = [];
      const next = template.read(origin.bytes, at, end, this.#scope, values);
      if (next < 0) return false;
      records.push(new CollectedRecord(origin, template, values, at, next, this.#listTemplates()));
      at = next;
    }
    return true;
  }

  /** The sets whose template is not there wait for it, or are lost. */
  #keepUnknown(): void {
    const { pending, peer, stats } = this.#session;
    for (const { id, start, end } of this.#unknown) {
      const kept = pending?.keep(id, { origin: this.#origin, start, end }, peer, this.#now) === true;
      if (kept) stats.keptSets++;
      else this.#undecodable++;
      // one is enough to say that templates are missing
      const isSaid = this.#troubles.some(trouble => trouble.kind === 'undecodable-set');
      if (isSaid || (kept && this.#learned.includes(id))) continue;
      this.#troubles.push({ kind: 'undecodable-set', ...this.#where(id), kept });
    }
  }

  #takeWaiting(): (() => readonly CollectedRecord[])[] {
    const { pending } = this.#session;
    const waited: (() => readonly CollectedRecord[])[] = [];
    if (pending === undefined) return waited;
    for (const id of this.#learned) {
      const template = this.#scope.templates.get(id);
      if (template === undefined) continue;
      const { sets, dropped } = pending.take(id, this.#origin, this.#now);
      this.#undecodable += dropped;
      for (const set of sets) waited.push(() => this.#readWaiting(template, set));
    }
    return waited;
  }

  #readWaiting(template: Template, set: PendingSet): readonly CollectedRecord[] {
    const { stats, exporters, exporter } = this.#session;
    const counts = exporters.of(exporter, set.origin.observationDomain);
    const records: CollectedRecord[] = [];
    if (!this.#readSet(template, set, records)) {
      stats.undecodableSets++;
      counts.undecodableSets++;
      return [];
    }
    const kind = template.isOptions ? 'optionsRecords' : 'records';
    stats[kind] += records.length;
    counts[kind] += records.length;
    return records;
  }

  /** Of the lists in the record that was read last. */
  #listTemplates(): ListTemplates | undefined {
    const { named, templates } = this.#scope;
    if (named.size === 0) return undefined;
    const found = new Map([...named].map(id => [id, templates.get(id)]));
    named.clear();
    return found;
  }

  #templateSet(setId: number, at: number, end: number): MalformedReason | undefined {
    const records = readTemplateSet(this.#bytes, at, end, setId === OPTIONS_TEMPLATE_SET);
    if (records === undefined) return 'template';
    for (const record of records) {
      if ('template' in record) this.#define(record.template);
      else this.#withdraw(record.withdrawn);
    }
    return undefined;
  }

  #define(template: Template): void {
    const known = this.#scope.templates.get(template.id);
    if (known !== undefined && known.equals(template)) {
      this.#refreshed.push(template.id);
      return;
    }
    const templates = this.#changing();
    const others =
      this.#session.fields - this.#domain.templates.fields + templates.fields - (known?.elements.length ?? 0);
    // More fields than octets would let a small message become a huge number of values, without end where the records
    // are empty; no exporter needs it.
    const empty = template.minimumLength < template.elements.length;
    if (empty || others + template.elements.length > this.#session.limits.fields) {
      const reason = empty ? 'empty' : 'limit';
      if (this.#refused++ === 0) {
        this.#troubles.push({ kind: 'refused-template', ...this.#where(template.id), reason });
      }
      templates.delete(template.id);
      return;
    }
    if (known !== undefined && this.#session.protocol === 'tcp') this.#conflicting++;
    templates.set(template, this.#now);
    this.#learned.push(template.id);
  }

  /** RFC 7011 section 8.1; over UDP a withdrawal means nothing (section 8.4). Id 0 is padding. */
  #withdraw(id: number): void {
    if (id === 0) return;
    let withdrawn = 0;
    if (this.#session.protocol === 'tcp') {
      if (id === TEMPLATE_SET || id === OPTIONS_TEMPLATE_SET) {
        withdrawn = this.#changing().deleteAll(id === OPTIONS_TEMPLATE_SET);
      } else if (this.#changing().delete(id)) {
        withdrawn = 1;
      }
    }
    this.#withdrawn += withdrawn;
    if (withdrawn === 0) this.#ignoredWithdrawals++;
  }

  #where(template: number): { exporter: string; observationDomain: number; template: number } {
    return { exporter: this.#session.exporter, observationDomain: this.#origin.observationDomain, template };
  }

  /** The templates as this message changes them: a copy, because the message may yet prove malformed. */
  #changing(): TemplateTable {
    if (this.#scope.templates === this.#domain.templates) {
      this.#scope.templates = new TemplateTable(this.#domain.templates);
    }
    return this.#scope.templates;
  }
}
