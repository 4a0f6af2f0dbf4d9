import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { findClashes } from './clashes.js';
import { InventoryError, MOST_MISTAKES } from './mistakes.js';
import { inventorySchema, type Inventory } from './schema.js';

/** The keys and the numbers in lists that lead to a place. */
type Path = readonly PropertyKey[];

/** As much of a wrong value as an error shows. */
const SHOWN = 60;

/**
 * Reads an inventory in YAML, of which JSON is a part, and checks it whole.
 * @param file names it in errors
 * @throws InventoryError that names line, column and place of each mistake, what is wrong there, and what is allowed
 */
export function parseInventory(text: string, file: string): Inventory {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const fail = (found: readonly Found[]): never => {
    const sorted = found.toSorted((one, other) => one.offset - other.offset);
    const mistakes = sorted.slice(0, MOST_MISTAKES).map(({ offset, what, hint }) => {
      const { line, col } = lines.linePos(offset);
      return { message: `${file}:${line}:${col}: ${what}`, hint };
    });
    throw new InventoryError(mistakes, found.length);
  };
  if (document.errors.length > 0) fail(document.errors.map(brokenText));
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // an alias without an anchor, or aliases upon aliases
    fail([{ offset: 0, what: `it cannot be read: ${(error as Error).message}`, hint: 'Write it out without aliases' }]);
  }
  const { success, data, error } = inventorySchema.safeParse(value);
  if (!success) return fail(error.issues.flatMap(issue => wrongForm(issue, value, document)));
  const clashes = findClashes(data);
  if (clashes.length === 0) return data;
  return fail(
    clashes.map(({ path, message, hint }) => ({
      offset: placeOf(document, path),
      what: `${show(path)} ${message}`,
      hint,
    })),
  );
}

/** A mistake, and where in the text. */
interface Found {
  readonly offset: number;
  readonly what: string;
  readonly hint: string;
}

function brokenText({ pos, message }: YAMLError): Found {
  return { offset: pos[0], what: `this is neither YAML nor JSON: ${message}`, hint: 'Mend it there' };
}

function wrongForm(issue: z.core.$ZodIssue, value: unknown, document: Document.Parsed): Found[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => {
      const path = [...issue.path, key];
      return {
        offset: keyOf(document, path),
        what: `${show(path)} is not known`,
        hint: `Known there: ${issue.message}`,
      };
    });
  const found = valueAt(value, issue.path);
  const what = found === undefined ? 'is missing' : `is ${shorten(JSON.stringify(found))}`;
  const hint = `It must be ${issue.message}`;
  return [{ offset: placeOf(document, issue.path), what: `${show(issue.path)} ${what}`, hint }];
}

/** Where the key of a place begins. */
function keyOf(document: Document.Parsed, path: Path): number {
  const around: unknown = document.getIn(path.slice(0, -1), true);
  const pairs = isMap(around) ? around.items : [];
  const key = pairs.map(pair => pair.key).find(key => isScalar(key) && String(key.value) === path.at(-1));
  return isScalar(key) && key.range ? key.range[0] : placeOf(document, path);
}

/** Where the place begins in the text, or what is around it and is there. */
function placeOf(document: Document.Parsed, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const key of path) found = (found as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return found;
}

/** `pods[0].addresses[1]` */
function show(path: Path): string {
  const text = path.map(key => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? 'the inventory' : text.replace(/^\./, '');
}

function shorten(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
