import { Buffer } from 'node:buffer';
import { DateTime } from './date-time.js';
import type { CollectedRecord } from './record.js';
import type { Field, Value } from './value.js';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/**
 * A record as one line of JSON without a line break: `exporter`, `observationDomain`, `exportTime`, `template` (its id;
 * `templateId` is an element), `options: true` in an options record, and then the elements by name.
 *
 * Integers are numbers up to 2^53 - 1 and strings beyond. Octets are hexadecimal. Times are ISO 8601 in UTC with the
 * precision of their type. What JSON has no number for (NaN, the infinities) is a string. An element that occurs more
 * than once has an array of its values.
 */
export function recordToJson(record: CollectedRecord): string {
  return JSON.stringify({
    exporter: record.exporter,
    observationDomain: record.observationDomain,
    exportTime: new DateTime(record.exportTime, 0, 0).toString(),
    template: record.templateId,
    ...(record.isOptions && { options: true }),
    ...fieldsToJson(record.fields),
  });
}

function fieldsToJson(fields: readonly Field[]): { [key: string]: Json } {
  const object: { [key: string]: Json } = {};
  const repeated = new Set<string>();
  for (const { element, value } of fields) {
    const { name } = element;
    const json = valueToJson(value);
    if (!(name in object)) {
      object[name] = json;
    } else if (repeated.has(name)) {
      (object[name] as Json[]).push(json);
    } else {
      object[name] = [object[name], json];
      repeated.add(name);
    }
  }
  return object;
}

function valueToJson(value: Value): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return String(value);
    default:
      break;
  }
  if (value instanceof DateTime) return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  if ('values' in value) {
    return { semantic: value.semantic, element: value.element.name, values: value.values.map(valueToJson) };
  }
  if ('lists' in value) {
    return {
      semantic: value.semantic,
      lists: value.lists.map(({ template, records }) => ({ template, records: records.map(fieldsToJson) })),
    };
  }
  return { semantic: value.semantic, template: value.template, records: value.records.map(fieldsToJson) };
}
