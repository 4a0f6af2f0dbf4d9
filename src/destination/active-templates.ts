import { MESSAGE_HEADER, SET_HEADER, TEMPLATE_SET } from '../ipfix/message.js';
import { MOST_FLOW_TEMPLATES } from '../ipfix/options.js';
import { makeSet, templateRecord, type Field } from '../ipfix/template.js';

/** A template as a session knows it. */
export interface KnownTemplate {
  readonly id: number;
  readonly shape: number;
  readonly fields: readonly Field[];
  readonly record: Uint8Array;
  /** The collector has it. */
  announced: boolean;
  /** When it was used last: a number that grows. */
  usedAt: number;
}

/** The templates of flow records, and which of them the collector has in this session. */
export class ActiveTemplates {
  /** By id. */
  readonly #known = new Map<number, KnownTemplate>();
  #active = 0;
  #uses = 0;

  get(id: number): KnownTemplate | undefined {
    return this.#known.get(id);
  }

  /** The template of this id, which may be new. */
  define(id: number, shape: number, fields: readonly Field[]): KnownTemplate {
    const known = this.#known.get(id);
    if (known) return known;
    const template = { id, shape, fields, record: templateRecord(id, fields), announced: false, usedAt: 0 };
    this.#known.set(id, template);
    return template;
  }

  all(): KnownTemplate[] {
    return [...this.#known.values()];
  }

  active(): KnownTemplate[] {
    return this.all().filter(({ announced }) => announced);
  }

  /** No more can be active. */
  get full(): boolean {
    return this.#active === MOST_FLOW_TEMPLATES;
  }

  /** A new session: the collector has none. @returns those that it had */
  begin(): KnownTemplate[] {
    const before = this.active();
    for (const template of before) template.announced = false;
    this.#active = 0;
    return before;
  }

  use(template: KnownTemplate): void {
    template.usedAt = ++this.#uses;
  }

  /** The collector gets it. @returns the one that is no longer active, as it was used least recently, where there was no room */
  activate(template: KnownTemplate): KnownTemplate | undefined {
    let oldest: KnownTemplate | undefined;
    if (this.full) {
      for (const one of this.#known.values())
        if (one.announced && (!oldest || one.usedAt < oldest.usedAt)) oldest = one;
      oldest!.announced = false;
      this.#active--;
    }
    template.announced = true;
    this.#active++;
    this.use(template);
    return oldest;
  }
}

/** Template sets of these templates, one for each message. @param apart each in a message of its own */
export function templateSets(templates: readonly KnownTemplate[], limit: number, apart: boolean): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let records: Uint8Array[] = [];
  let length = MESSAGE_HEADER + SET_HEADER;
  for (const { record } of templates) {
    if (records.length > 0 && (apart || length + record.length > limit)) {
      sets.push(makeSet(TEMPLATE_SET, records));
      records = [];
      length = MESSAGE_HEADER + SET_HEADER;
    }
    records.push(record);
    length += record.length;
  }
  if (records.length > 0) sets.push(makeSet(TEMPLATE_SET, records));
  return sets;
}
