import { FIRST_DATA_SET, MESSAGE_HEADER, OPTIONS_TEMPLATE_SET, SET_HEADER, TEMPLATE_SET } from '../../ipfix/message.js';
import { messageFault } from '../decode/decode.js';
import { DEFAULT_LIMITS } from '../limits.js';
import { readRawTemplates, type RawTemplate } from './raw-template.js';

/** Records of one template that lie one after another. */
export interface RawSet {
  readonly template: RawTemplate;
  readonly bytes: Uint8Array;
  /** Where each record begins, and where the last one ends. */
  readonly bounds: readonly number[];
}

/** What one message has, in its order. */
export interface RawMessage {
  readonly observationDomain: number;
  /** Seconds since 1970. */
  readonly exportTime: number;
  readonly parts: readonly (RawTemplate | RawSet)[];
}

/** What could not be read. */
export interface UnreadCounts {
  /** Messages that do not add up; they are left out whole. */
  malformedMessages: number;
  /** Data sets whose template did not stand before them. */
  undecodableSets: number;
  /** Templates with more fields than there is room for, or with records of more fields than octets. */
  refusedTemplates: number;
}

/** Cuts the messages of one file into templates and records, without a look at the values. */
export class RawSets {
  readonly counts: UnreadCounts;
  /** By observation domain and id. */
  readonly #domains = new Map<number, Map<number, RawTemplate>>();
  #fields = 0;

  constructor(counts: UnreadCounts) {
    this.counts = counts;
  }

  /** @returns undefined where the message is malformed */
  read(bytes: Uint8Array): RawMessage | undefined {
    const message = messageFault(bytes) === undefined ? this.#message(bytes) : undefined;
    if (message === undefined) this.counts.malformedMessages++;
    return message;
  }

  /** The templates that hold now, with their observation domains. */
  *templates(): Generator<[domain: number, template: RawTemplate]> {
    for (const [domain, templates] of this.#domains)
      for (const template of templates.values()) yield [domain, template];
  }

  #message(bytes: Uint8Array): RawMessage | undefined {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const observationDomain = view.readUInt32BE(12);
    const draft = new Draft(this.#domains.get(observationDomain), this.#fields);
    const parts: (RawTemplate | RawSet)[] = [];
    for (let at = MESSAGE_HEADER; at < bytes.length;) {
      const id = view.readUInt16BE(at);
      const end = at + view.readUInt16BE(at + 2);
      const from = at + SET_HEADER;
      if (id === TEMPLATE_SET || id === OPTIONS_TEMPLATE_SET) {
        const records = readRawTemplates(bytes, from, end, id === OPTIONS_TEMPLATE_SET);
        if (records === undefined) return undefined;
        for (const record of records) {
          if ('withdrawn' in record) draft.withdraw(record.withdrawn);
          else if (draft.define(record.template)) parts.push(record.template);
        }
      } else if (id >= FIRST_DATA_SET) {
        const template = draft.get(id);
        if (template === undefined) draft.undecodableSets++;
        else {
          const bounds = boundsOf(template, bytes, from, end);
          if (bounds === undefined) return undefined;
          parts.push({ template, bytes, bounds });
        }
      }
      at = end;
    }
    this.#commit(observationDomain, draft);
    return { observationDomain, exportTime: view.readUInt32BE(4), parts };
  }

  #commit(domain: number, { changed, fields, undecodableSets, refusedTemplates }: Draft): void {
    this.counts.undecodableSets += undecodableSets;
    this.counts.refusedTemplates += refusedTemplates;
    this.#fields = fields;
    if (changed === undefined) return;
    if (changed.size > 0) this.#domains.set(domain, changed);
    else this.#domains.delete(domain);
  }
}

/** What one message makes of the templates of its observation domain: of a malformed one nothing is used. */
class Draft {
  undecodableSets = 0;
  refusedTemplates = 0;
  /** Of all observation domains. */
  fields: number;
  /** The templates, once the message has changed them. */
  changed: Map<number, RawTemplate> | undefined;
  readonly #before: ReadonlyMap<number, RawTemplate> | undefined;

  constructor(before: ReadonlyMap<number, RawTemplate> | undefined, fields: number) {
    this.#before = before;
    this.fields = fields;
  }

  get(id: number): RawTemplate | undefined {
    return (this.changed ?? this.#before)?.get(id);
  }

  /** @returns whether there was room for it */
  define(template: RawTemplate): boolean {
    const fields = this.fields - (this.get(template.id)?.fields ?? 0) + template.fields;
    // as a collector: records of nothing have no end
    if (template.minimumLength < template.fields || fields > DEFAULT_LIMITS.fields) {
      this.refusedTemplates++;
      this.withdraw(template.id);
      return false;
    }
    this.fields = fields;
    this.#change().set(template.id, template);
    return true;
  }

  /** Ids 2 and 3 stand for all templates, and all options templates. */
  withdraw(id: number): void {
    const templates = this.#change();
    for (const template of templates.values()) {
      const all = id === (template.isOptions ? OPTIONS_TEMPLATE_SET : TEMPLATE_SET);
      if (!all && template.id !== id) continue;
      templates.delete(template.id);
      this.fields -= template.fields;
    }
  }

  #change(): Map<number, RawTemplate> {
    return (this.changed ??= new Map(this.#before));
  }
}

/** What is shorter than any record is padding (RFC 7011 section 3.3.1). */
function boundsOf(template: RawTemplate, bytes: Uint8Array, at: number, end: number): number[] | undefined {
  const bounds = [at];
  while (end - at >= template.minimumLength) {
    at = template.recordEnd(bytes, at, end);
    if (at < 0) return undefined;
    bounds.push(at);
  }
  return bounds;
}
