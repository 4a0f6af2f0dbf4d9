import { VARIABLE_LENGTH } from '../../ipfix/element.js';
import { variableLength, variableStart } from '../decode/field-reader.js';

const ENTERPRISE_BIT = 0x8000;

/** A template or an options template as it stood in a message: its octets, and where its records end. */
export class RawTemplate {
  readonly id: number;
  readonly isOptions: boolean;
  /** The template record, RFC 7011 section 3.4. */
  readonly record: Uint8Array;
  readonly #lengths: readonly number[];
  /** Octets of the shortest record. */
  readonly minimumLength: number;

  constructor(id: number, isOptions: boolean, record: Uint8Array, lengths: readonly number[]) {
    this.id = id;
    this.isOptions = isOptions;
    this.record = record;
    this.#lengths = lengths;
    this.minimumLength = lengths.reduce((sum, length) => sum + (length === VARIABLE_LENGTH ? 1 : length), 0);
  }

  get fields(): number {
    return this.#lengths.length;
  }

  equals(other: RawTemplate): boolean {
    return this.isOptions === other.isOptions && Buffer.compare(this.record, other.record) === 0;
  }

  /** Where the record at `at` ends; -1 where it leaves the space up to `end`. */
  recordEnd(bytes: Uint8Array, at: number, end: number): number {
    for (let length of this.#lengths) {
      if (length === VARIABLE_LENGTH) {
        length = variableLength(bytes, at, end);
        at = variableStart(bytes, at);
      }
      if (!(at + length <= end)) return -1;
      at += length;
    }
    return at;
  }
}

/** What a template set holds: templates and, by their id, withdrawals (RFC 7011 section 8.1). */
export type RawTemplateRecord = { readonly template: RawTemplate } | { readonly withdrawn: number };

/**
 * Reads the records of a template set (2) or an options template set (3) between `at` and `end`.
 * @returns undefined where the set is malformed
 */
export function readRawTemplates(
  bytes: Uint8Array,
  at: number,
  end: number,
  isOptions: boolean,
): RawTemplateRecord[] | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, end);
  const records: RawTemplateRecord[] = [];
  while (end - at >= 4) {
    const start = at;
    const id = view.readUInt16BE(at);
    const count = view.readUInt16BE(at + 2);
    at += 4;
    if (count === 0) {
      records.push({ withdrawn: id });
      continue;
    }
    if (id < 256) return undefined;
    if (isOptions) {
      if (end - at < 2) return undefined;
      const scopes = view.readUInt16BE(at);
      if (scopes === 0 || scopes > count) return undefined;
      at += 2;
    }
    const lengths: number[] = [];
    for (let field = 0; field < count; field++) {
      if (end - at < 4) return undefined;
      const size = view.readUInt16BE(at) & ENTERPRISE_BIT ? 8 : 4;
      if (end - at < size) return undefined;
      lengths.push(view.readUInt16BE(at + 2));
      at += size;
    }
    records.push({ template: new RawTemplate(id, isOptions, bytes.slice(start, at), lengths) });
  }
  return records;
}
