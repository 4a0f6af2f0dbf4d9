import type { Template } from './template.js';
import type { Field, Value } from './value.js';

/** The header of a message, RFC 7011 section 3.1, and who sent it. */
export interface MessageOrigin {
  /** `udp://192.0.2.1:40000`. */
  readonly exporter: string;
  readonly observationDomain: number;
  /** Seconds since 1970. */
  readonly exportTime: number;
  readonly sequence: number;
  /** The message itself; a record keeps it in memory as long as the record is kept. */
  readonly bytes: Uint8Array;
}

/** By the id that a list names: the template of its records; undefined where none was known, so the list is octets. */
export type ListTemplates = ReadonlyMap<number, Template | undefined>;

const NONE: ListTemplates = new Map();

/** One data record. */
export class CollectedRecord {
  readonly message: MessageOrigin;
  readonly template: Template;
  /** In the order of the template's elements. */
  readonly values: readonly Value[];
  /** Templates that its lists name. */
  readonly listTemplates: ListTemplates;
  readonly #start: number;
  readonly #end: number;

  /** @param start where its octets begin in the message, and where they end */
  constructor(
    message: MessageOrigin,
    template: Template,
    values: readonly Value[],
    start: number,
    end: number,
    listTemplates: ListTemplates = NONE,
  ) {
    this.message = message;
    this.template = template;
    this.values = values;
    this.listTemplates = listTemplates;
    this.#start = start;
    this.#end = end;
  }

  /** Its octets as they came, without padding. */
  get octets(): Uint8Array {
    return this.message.bytes.subarray(this.#start, this.#end);
  }

  /** `udp://192.0.2.1:40000`. */
  get exporter(): string {
    return this.message.exporter;
  }

  get observationDomain(): number {
    return this.message.observationDomain;
  }

  /** Seconds since 1970. */
  get exportTime(): number {
    return this.message.exportTime;
  }

  get templateId(): number {
    return this.template.id;
  }

  /** The record describes the exporter or its metering, not a flow (RFC 7011 section 3.4.2). */
  get isOptions(): boolean {
    return this.template.isOptions;
  }

  /** Every field in the order of the template, an element that occurs twice twice. */
  get fields(): Field[] {
    return this.template.fields(this.values);
  }

  /** The first value of an element, by its name in the registry; `enterprise/id` where it has none. */
  get(name: string): Value | undefined {
    const position = this.template.position(name);
    return position === undefined ? undefined : this.values[position];
  }
}
