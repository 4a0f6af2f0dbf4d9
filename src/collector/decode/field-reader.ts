import { IANA, VARIABLE_LENGTH, type Element } from '../../ipfix/element.js';
import { elementById } from '../../ipfix/registry.js';
import { identifierReader, readOctets, scalarReader, variableScalarReader } from './scalar.js';
import type { BasicList, Field, Sublist, Value } from './value.js';

/** What lists need of the template of their records. */
export interface RecordReader {
  readonly minimumLength: number;
  read(bytes: Uint8Array, at: number, end: number, scope: Scope, values: Value[]): number;
  fields(values: readonly Value[]): Field[];
}

/** What lists need to know of their surroundings. */
export interface Scope {
  /** The templates of the observation domain. */
  readonly templates: { get(id: number): RecordReader | undefined };
  /** Lists around the present one. */
  depth: number;
  /** Ids of the templates that lists name, also of those that are not known, since somebody cleared it. */
  readonly named: Set<number>;
}

/** Makes a value of `length` octets at `at`. */
export type FieldReader = (bytes: Uint8Array, at: number, length: number, scope: Scope) => Value;

/** Lists within lists are read so deep, and given as octets beyond: the stack is finite. */
const MAX_DEPTH = 8;
const SEMANTICS = ['noneOf', 'exactlyOneOf', 'oneOrMoreOf', 'allOf', 'ordered'];
const UNDEFINED_SEMANTIC = 255;

/** The element that a field specifier names, RFC 7011 section 3.2. An unregistered one is called `enterprise/id`. */
export function elementOf(enterprise: number, id: number): Element {
  return elementById(enterprise, id) ?? { id, enterprise, name: `${enterprise}/${id}`, type: 'octetArray' };
}

/** The reader for fields of an element and a length as its template has it, {@link VARIABLE_LENGTH} included. */
export function fieldReader({ type, wideIdentifier }: Element, length: number): FieldReader {
  if (type === 'basicList') return listReader(readBasicList);
  if (type === 'subTemplateList') return listReader(readSubTemplateList);
  if (type === 'subTemplateMultiList') return listReader(readSubTemplateMultiList);
  if (wideIdentifier === true) {
    if (length !== VARIABLE_LENGTH) return identifierReader(length);
    return (bytes, at, size) => identifierReader(size)(bytes, at, size);
  }
  return length === VARIABLE_LENGTH ? variableScalarReader(type) : scalarReader(type, length);
}

/**
 * Where the content of a variable-length field at `at` begins; its length is what is behind it up to the number that
 * {@link variableLength} gives. One octet of length, or 255 and two.
 */
export function variableStart(bytes: Uint8Array, at: number): number {
  return bytes[at] < 255 ? at + 1 : at + 3;
}

/** The length of a variable-length field at `at`; NaN where the octets of the length itself are cut off. */
export function variableLength(bytes: Uint8Array, at: number, end: number): number {
  if (at < end && bytes[at] < 255) return bytes[at];
  return at + 3 <= end ? (bytes[at + 1] << 8) | bytes[at + 2] : NaN;
}

type ListBody<T> = (bytes: Uint8Array, at: number, end: number, semantic: string, scope: Scope) => T | undefined;

function listReader(body: ListBody<Value>): FieldReader {
  return (bytes, at, length, scope) => {
    if (length === 0 || scope.depth === MAX_DEPTH) return readOctets(bytes, at, length);
    scope.depth++;
    const semantic = SEMANTICS[bytes[at]] ?? (bytes[at] === UNDEFINED_SEMANTIC ? 'undefined' : String(bytes[at]));
    const list = body(bytes, at + 1, at + length, semantic, scope);
    scope.depth--;
    return list ?? readOctets(bytes, at, length);
  };
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

const readBasicList: ListBody<BasicList> = (bytes, start, end, semantic, scope) => {
  if (end - start < 4) return undefined;
  const id = u16(bytes, start);
  const length = u16(bytes, start + 2);
  let at = start + 4;
  let enterprise = IANA;
  if (id & 0x8000) {
    if (end - at < 4) return undefined;
    enterprise = u16(bytes, at) * 65536 + u16(bytes, at + 2);
    at += 4;
  }
  const element = elementOf(enterprise, id & 0x7fff);
  const read = fieldReader(element, length);
  const values: Value[] = [];
  while (at < end) {
    let size = length;
    if (length === VARIABLE_LENGTH) {
      size = variableLength(bytes, at, end);
      at = variableStart(bytes, at);
    } else if (length === 0) {
      return undefined;
    }
    if (!(at + size <= end)) return undefined;
    values.push(read(bytes, at, size, scope));
    at += size;
  }
  return { semantic, element, values };
};

const readSubTemplateList: ListBody<Sublist & { semantic: string }> = (bytes, start, end, semantic, scope) => {
  if (end - start < 2) return undefined;
  const template = u16(bytes, start);
  const records = readRecords(bytes, start + 2, end, template, scope);
  return records && { semantic, template, records };
};

const readSubTemplateMultiList: ListBody<{ semantic: string; lists: Sublist[] }> = (
  bytes,
  start,
  end,
  semantic,
  scope,
) => {
  const lists: Sublist[] = [];
  for (let at = start; at < end;) {
    if (end - at < 4) return undefined;
    const template = u16(bytes, at);
    const length = u16(bytes, at + 2);
    if (length < 4 || at + length > end) return undefined;
    const records = readRecords(bytes, at + 4, at + length, template, scope);
    if (records === undefined) return undefined;
    lists.push({ template, records });
    at += length;
  }
  return { semantic, lists };
};

/** Records of one template that fill the space exactly; lists have no padding. An empty space needs no template. */
function readRecords(bytes: Uint8Array, start: number, end: number, id: number, scope: Scope): Field[][] | undefined {
  const records: Field[][] = [];
  if (start === end) return records;
  scope.named.add(id);
  const template = scope.templates.get(id);
  if (template === undefined) return undefined;
  for (let at = start; at < end;) {
    const values: Value[] = [];
    at = template.read(bytes, at, end, scope, values);
    if (at < 0) return undefined;
    records.push(template.fields(values));
  }
  return records;
}
