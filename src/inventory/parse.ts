import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { CtflowError } from '../common/errors.js';
import { findClash } from './clashes.js';
import { inventorySchema, type Inventory } from './schema.js';

/** The keys and the numbers in lists that lead to a place. */
type Path = readonly PropertyKey[];

/** As much of a wrong value as an error shows. */
const SHOWN = 60;

/**
 * Reads an inventory in YAML, of which JSON is a part, and checks it whole.
 * @param file names it in errors
 * @throws CtflowError CTFLOW_INVENTORY that names line, column and place, what is wrong there, and what is allowed
 */
export function parseInventory(text: string, file: string): Inventory {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [broken] = document.errors;
  if (broken) {
    const where = at(broken.pos[0]);
    throw wrong(where, `this is neither YAML nor JSON: ${broken.message}`, 'Mend it there');
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // an alias without an anchor, or aliases upon aliases
    throw wrong(at(0), `it cannot be read: ${(error as Error).message}`, 'Write it out without aliases');
  }
  const whereIs = (path: Path): string => at(placeOf(document, path));
  const { success, data, error } = inventorySchema.safeParse(value);
  if (!success) {
    const [issue, ...more] = error.issues;
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    if (issue.code === 'unrecognized_keys') {
      const path = [...issue.path, issue.keys[0]];
      throw wrong(at(keyOf(document, path)), `${show(path)} is not known${others}`, `Known there: ${issue.message}`);
    }
    const found = valueAt(value, issue.path);
    const what = found === undefined ? 'is missing' : `is ${shorten(JSON.stringify(found))}`;
    throw wrong(whereIs(issue.path), `${show(issue.path)} ${what}${others}`, `It must be ${issue.message}`);
  }
  const clash = findClash(data);
  if (clash) throw wrong(whereIs(clash.path), `${show(clash.path)} ${clash.message}`, clash.hint);
  return data;
}

/** @param where `FILE:LINE:COLUMN` */
function wrong(where: string, what: string, hint: string): CtflowError {
  return new CtflowError('CTFLOW_INVENTORY', `${where}: ${what}`, hint);
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
