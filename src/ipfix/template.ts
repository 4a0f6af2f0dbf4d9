import { OP_CONSTANT, OP_TCP_STATE, OP_TEXT } from '../row/layout.generated.js';
import { IANA, VARIABLE_LENGTH, type Element } from './element.js';
import { SET_HEADER } from './message.js';

const ENTERPRISE_BIT = 0x8000;

/** One field of a template: what it is called on the wire, and the instruction that fills it. */
export interface Field {
  readonly element: Element;
  readonly operation: number;
  /** Offset in the flow record. */
  readonly offset: number;
  /** Bytes on the wire; for text the bytes of the field in the record. */
  readonly length: number;
  readonly argument: number;
  /** A flow key, where its element alone does not say so. */
  readonly key?: true;
  /** The text behind a constant that is its length. */
  readonly text?: Uint8Array;
}

/** The instructions for one data record, INSTRUCTION_WORDS words each; a field has one, or more for a text. */
export function compilePlan(fields: readonly Field[]): Uint32Array {
  return Uint32Array.from(
    fields.flatMap(field => [field.operation, field.offset, field.length, field.argument, ...textInstructions(field)]),
  );
}

/** Constants of four bytes, and what is left. */
function textInstructions({ text = new Uint8Array(0) }: Field): number[] {
  const instructions: number[] = [];
  for (let at = 0; at < text.length; at += 4) {
    const part = text.subarray(at, at + 4);
    instructions.push(OP_CONSTANT, 0, part.length, Buffer.from(part).readUIntBE(0, part.length));
  }
  return instructions;
}

/** A template record, RFC 7011 section 3.4.1, without its set header. */
export function templateRecord(id: number, fields: readonly Field[]): Uint8Array {
  return record(id, fields.map(specifier), undefined);
}

/** An options template record, RFC 7011 section 3.4.2: the first `scopes` elements are the scope. */
export function optionsTemplateRecord(
  id: number,
  elements: readonly { element: Element; length: number }[],
  scopes: number,
): Uint8Array {
  return record(id, elements, scopes);
}

/** A set: header and content, without padding. */
export function makeSet(id: number, contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, content) => sum + content.length, SET_HEADER);
  const set = Buffer.alloc(length);
  set.writeUInt16BE(id, 0);
  set.writeUInt16BE(length, 2);
  let at = SET_HEADER;
  for (const content of contents) {
    set.set(content, at);
    at += content.length;
  }
  return set;
}

/** Whether a length stands before the field's bytes, RFC 7011 section 7. */
export function isVariable({ operation, element }: Field): boolean {
  return operation === OP_TEXT || operation === OP_TCP_STATE || element.type === 'string';
}

function specifier(field: Field): { element: Element; length: number } {
  return { element: field.element, length: isVariable(field) ? VARIABLE_LENGTH : field.length };
}

function record(
  id: number,
  specifiers: readonly { element: Element; length: number }[],
  scopes: number | undefined,
): Uint8Array {
  const words = [id, specifiers.length];
  if (scopes !== undefined) words.push(scopes);
  for (const { element, length } of specifiers) {
    const enterprise = element.enterprise !== IANA;
    words.push(enterprise ? element.id | ENTERPRISE_BIT : element.id, length);
    if (enterprise) words.push(element.enterprise >>> 16, element.enterprise & 0xffff);
  }
  const bytes = Buffer.alloc(words.length * 2);
  words.forEach((word, i) => bytes.writeUInt16BE(word, i * 2));
  return bytes;
}
