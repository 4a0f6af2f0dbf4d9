import { Buffer } from 'node:buffer';
import type { Element } from '../../ipfix/element.js';
import { DateTime } from '../decode/date-time.js';
import type { CollectedRecord } from '../decode/record.js';
import type { Template } from '../decode/template.js';
import type { Field, Value } from '../decode/value.js';

/** The members of an object: a name in quotes with its colon, and where its values are. */
type Layout = readonly { readonly key: string; readonly positions: readonly number[] }[];

const layouts = new WeakMap<Template, Layout>();

/**
 * What a terminal or an editor may take for a command or show in another order: control characters of C0 and C1, formats
 * (bidirectional ones among them), line and paragraph separators, and what Unicode leaves open.
 */
export const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const ASCII = /^[\x20-\x7e]*$/;

/**
 * A record as one line of JSON without a line break: `exporter`, `observationDomain`, `exportTime`, `template` (its id;
 * `templateId` is an element), `options: true` in an options record, and then the elements by name.
 *
 * Integers are numbers up to 2^53 - 1 and strings beyond; unsigned256 and identifiers of 64 bits (flowId) are always
 * strings. Octets are hexadecimal. Times are ISO 8601 in UTC with the
 * precision of their type. What JSON has no number for (NaN, the infinities) is a string. An element that occurs more
 * than once has an array of its values.
 */
export function recordToJson(record: CollectedRecord): string {
  const { exporter, observationDomain, template, values } = record;
  let layout = layouts.get(template);
  if (layout === undefined) {
    layout = layoutOf(template.elements);
    layouts.set(template, layout);
  }
  const exportTime = new DateTime(record.exportTime, 0, 0);
  const options = record.isOptions ? ',"options":true' : '';
  return (
    `{"exporter":${quoted(exporter)},"observationDomain":${observationDomain},` +
    `"exportTime":"${exportTime}","template":${template.id}${options},${members(layout, values)}}`
  );
}

function layoutOf(elements: readonly Element[]): Layout {
  const positions = new Map<string, number[]>();
  for (const [i, { name }] of elements.entries()) {
    const known = positions.get(name);
    if (known === undefined) positions.set(name, [i]);
    else known.push(i);
  }
  return [...positions].map(([name, at]) => ({ key: `${JSON.stringify(name)}:`, positions: at }));
}

function members(layout: Layout, values: readonly Value[]): string {
  let text = '';
  for (const { key, positions } of layout) {
    if (text !== '') text += ',';
    text += key;
    text += positions.length === 1 ? json(values[positions[0]]) : array(positions, at => json(values[at]));
  }
  return text;
}

/** A string as JSON of printable characters alone; whoever parses it has the same string. */
function quoted(text: string): string {
  const json = JSON.stringify(text);
  return ASCII.test(json) ? json : json.replace(UNPRINTABLE, escaped);
}

/** A character as `\\u202e`, two where it has two. */
export function escaped(character: string): string {
  let text = '';
  for (let i = 0; i < character.length; i++) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return text;
}

/** A value as JSON. */
export function json(value: Value): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'string':
      return quoted(value);
    case 'bigint':
      return `"${value}"`;
    case 'boolean':
      return String(value);
    default:
      break;
  }
  if (value instanceof DateTime) return `"${value}"`;
  if (value instanceof Uint8Array) {
    return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}"`;
  }
  const semantic = `"semantic":"${value.semantic}"`;
  if ('values' in value) {
    return `{${semantic},"element":${JSON.stringify(value.element.name)},"values":${array(value.values, json)}}`;
  }
  if ('lists' in value) {
    const lists = array(
      value.lists,
      ({ template, records }) => `{"template":${template},"records":${array(records, fields)}}`,
    );
    return `{${semantic},"lists":${lists}}`;
  }
  return `{${semantic},"template":${value.template},"records":${array(value.records, fields)}}`;
}

function fields(record: readonly Field[]): string {
  const layout = layoutOf(record.map(({ element }) => element));
  return `{${members(
    layout,
    record.map(({ value }) => value),
  )}}`;
}

function array<T>(items: readonly T[], text: (item: T) => string): string {
  return `[${items.map(text).join(',')}]`;
}
