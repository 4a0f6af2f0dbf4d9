import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
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
 * @throws CtflowError CTFLOW_INVENTORY that names line and place, what is wrong there, and what is allowed
 */
export function parseInventory(text: string, file: string): Inventory {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    throw wrong(file, line, `is neither YAML nor JSON: ${broken.message}`, 'Mend it there');
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // an alias without an anchor, or aliases upon aliases
    throw wrong(file, 1, `cannot be read: ${(error as Error).message}`, 'Write it out without aliases');
  }
  const lineOf = (path: Path): number => lines.linePos(placeOf(document, path)).line;
  const { success, data, error } = inventorySchema.safeParse(value);
  if (!success) {
    const [issue, ...more] = error.issues;
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    if (issue.code === 'unrecognized_keys') {
      const path = [...issue.path, issue.keys[0]];
      throw wrong(file, lineOf(path), `${show(path)} is not known${others}`, `Known there: ${issue.message}`);
    }
    const found = valueAt(value, issue.path);
    const what = found === undefined ? 'is missing' : `is ${shorten(JSON.stringify(found))}`;
    throw wrong(file, lineOf(issue.path), `${show(issue.path)} ${what}${others}`, `It must be ${issue.message}`);
  }
  const clash = findClash(data);
  if (clash) throw wrong(file, lineOf(clash.path), `${show(clash.path)} ${clash.message}`, clash.hint);
  return data;
}

function wrong(file: string, line: number, what: string, hint: string): CtflowError {
  return new CtflowError('CTFLOW_INVENTORY', `${file}, line ${line}: ${what}`, hint);
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
  let at = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return at;
}

/** `pods[0].addresses[1]` */
function show(path: Path): string {
  const text = path.map(key => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text === '' ? 'the inventory' : text.replace(/^\./, '');
}

function shorten(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
