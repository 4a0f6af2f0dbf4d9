import { IANA, VARIABLE_LENGTH, type Element } from '../../ipfix/element.js';
import { elementOf, fieldReader, variableLength, variableStart } from './field-reader.js';
import type { FieldReader, Scope } from './field-reader.js';
import type { Field, Value } from './value.js';

/** A template or an options template, compiled to one reader a field. */
export class Template {
  readonly id: number;
  readonly isOptions: boolean;
  /** Scope fields in front, 0 in a template that is not an options template. */
  readonly scopeCount: number;
  readonly elements: readonly Element[];
  /** Octets of each field, {@link VARIABLE_LENGTH} for a variable length. */
  readonly lengths: readonly number[];
  /** Octets of the shortest record. */
  readonly minimumLength: number;
  readonly #readers: readonly FieldReader[];
  readonly #positions = new Map<string, number>();

  /** @param lengths octets of each field, {@link VARIABLE_LENGTH} for a variable length */
  constructor(
    id: number,
    isOptions: boolean,
    scopeCount: number,
    elements: readonly Element[],
    lengths: readonly number[],
  ) {
    this.id = id;
    this.isOptions = isOptions;
    this.scopeCount = scopeCount;
    this.elements = elements;
    this.lengths = lengths;
    this.#readers = elements.map((element, i) => fieldReader(element, lengths[i]));
    this.minimumLength = lengths.reduce((sum, length) => sum + (length === VARIABLE_LENGTH ? 1 : length), 0);
    for (let i = elements.length - 1; i >= 0; i--) this.#positions.set(elements[i].name, i);
  }

  /**
   * Reads one record at `at` and appends its values.
   * @returns where the next record begins, or -1 where the record leaves the space up to `end`
   */
  read(bytes: Uint8Array, at: number, end: number, scope: Scope, values: Value[]): number {
    for (let i = 0; i < this.lengths.length; i++) {
      let length = this.lengths[i];
      if (length === VARIABLE_LENGTH) {
        length = variableLength(bytes, at, end);
        at = variableStart(bytes, at);
      }
      if (!(at + length <= end)) return -1;
      values.push(this.#readers[i](bytes, at, length, scope));
      at += length;
    }
    return at;
  }

  /** The elements with a record's values. */
  fields(values: readonly Value[]): Field[] {
    return this.elements.map((element, i) => ({ element, value: values[i] }));
  }

  /** Where the first field of an element is, undefined where there is none. */
  position(name: string): number | undefined {
    return this.#positions.get(name);
  }

  equals(other: Template): boolean {
    return (
      this.id === other.id &&
      this.isOptions === other.isOptions &&
      this.scopeCount === other.scopeCount &&
      this.elements.length === other.elements.length &&
      this.elements.every(
        (element, i) =>
          element.id === other.elements[i].id &&
          element.enterprise === other.elements[i].enterprise &&
          this.lengths[i] === other.lengths[i],
      )
    );
  }
}

/** What a template set holds: definitions and, without fields, withdrawals (RFC 7011 section 8.1). */
export type TemplateRecord = { readonly template: Template } | { readonly withdrawn: number };

/**
 * Reads the records of a template set (2) or an options template set (3) between `at` and `end`, RFC 7011 section 3.4.
 * What is too short for a record is padding.
 * @returns undefined where the set is malformed
 */
export function readTemplateSet(
  bytes: Uint8Array,
  at: number,
  end: number,
  isOptions: boolean,
): TemplateRecord[] | undefined {
  const records: TemplateRecord[] = [];
  while (end - at >= 4) {
    const id = (bytes[at] << 8) | bytes[at + 1];
    const count = (bytes[at + 2] << 8) | bytes[at + 3];
    at += 4;
    if (count === 0) {
      records.push({ withdrawn: id });
      continue;
    }
    if (id < 256) return undefined;
    let scopeCount = 0;
    if (isOptions) {
      if (end - at < 2) return undefined;
      scopeCount = (bytes[at] << 8) | bytes[at + 1];
      at += 2;
      if (scopeCount === 0 || scopeCount > count) return undefined;
    }
    const elements: Element[] = [];
    const lengths: number[] = [];
    for (let i = 0; i < count; i++) {
      if (end - at < 4) return undefined;
      const element = (bytes[at] << 8) | bytes[at + 1];
      lengths.push((bytes[at + 2] << 8) | bytes[at + 3]);
      at += 4;
      let enterprise = IANA;
      if (element & 0x8000) {
        if (end - at < 4) return undefined;
        enterprise = bytes[at] * 0x1000000 + ((bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
        at += 4;
      }
      elements.push(elementOf(enterprise, element & 0x7fff));
    }
    records.push({ template: new Template(id, isOptions, scopeCount, elements, lengths) });
  }
  return records;
}
