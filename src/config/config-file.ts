import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Document,
  visit,
} from 'yaml';
import { CtflowError, errnoOf } from '../common/errors.js';
import { notRegular, READ_NOW } from '../common/regular-file.js';
import type { Path } from './mistakes.js';

/** Where the file is looked for. */
export const DEFAULT_FILE = '/etc/ctflow/ctflow.yaml';
/** Far more than any configuration has. */
const MOST_BYTES = 1 << 20;

/** A key or a value with these must not end the line, or be a command for a terminal. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** What is said of some errors of YAML. */
const SAID: Readonly<Record<string, readonly [string, string]>> = {
  DUPLICATE_KEY: ['this key stands here twice', 'Remove one of them'],
  MULTIPLE_DOCS: ['a second document begins here', 'Write one document'],
};
const QUOTES = "Put a text that begins with a sign, or has ': ' or ' #' in it, in quotes";
/** What to do about others. */
const HINTS: Readonly<Record<string, string>> = {
  TAG_RESOLVE_FAILED: 'Put a text that begins with ! in quotes',
  TAB_AS_INDENT: 'Write spaces in place of tabs',
  BAD_SCALAR_START: QUOTES,
  BLOCK_AS_IMPLICIT_KEY: QUOTES,
  UNEXPECTED_TOKEN: QUOTES,
};

/** In front of a value in a text. */
const SPACE = /^\s*/;
/** In front of the first one of a text in lines of its own. */
const BLOCK_HEADER = /^(?:[|>].*\n\s*)?/;

const offsets = new WeakMap<CtflowError, number>();

/** Errors in the order of the file; those of flags and variables first. */
export function inOrder(errors: readonly CtflowError[]): CtflowError[] {
  return errors.toSorted((one, other) => (offsets.get(one) ?? -1) - (offsets.get(other) ?? -1));
}

/** A configuration file: what it says, and where each value stands. */
export class ConfigFile {
  readonly path: string;
  /** What it says, as far as it can be read. */
  readonly value: Readonly<Record<string, unknown>>;
  /** What is no YAML in it. */
  readonly errors: readonly CtflowError[];
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(path: string, text: string) {
    this.path = path;
    this.#text = text;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      // no warnings of its own on standard error
      logLevel: 'error',
      // 1 and "1" are one key of an object
      uniqueKeys: (one, other) => isScalar(one) && isScalar(other) && textOf(one) === textOf(other),
    });
    const { errors, warnings } = this.#document;
    const found = [...errors, ...warnings].map(({ message, pos: [at], code }) => {
      const [what, hint] = SAID[code] ?? [`this is not YAML: ${message}`, HINTS[code] ?? 'Mend it there'];
      return this.#error(at, what, hint);
    });
    let broken = errors.some(({ code }) => code !== 'DUPLICATE_KEY');
    visit(this.#document, {
      Alias: (_, alias) => {
        if (alias.resolve(this.#document) || broken) return;
        found.push(this.#error(alias.range![0], `there is no &${alias.source} before it`, 'Write the value itself'));
        broken = true;
      },
      Pair: (_, { key }) => {
        if (isMap(key) || isSeq(key)) {
          found.push(this.#error(key.range![0], 'a map or a list is no key', 'Write the name of a setting'));
          broken = true;
        }
        // readers of objects pass over it
        if (isScalar(key) && key.value === '__proto__')
          found.push(this.#error(key.range![0], '__proto__: there is no such key', 'Remove it'));
      },
      Scalar: (_, scalar) => {
        // settings read texts: as a number 1.10 would be 1.1, and 007 be 7
        if (scalar.value !== null) scalar.value = textOf(scalar);
      },
    });
    const { value, error } = broken ? { value: {} } : this.#read();
    this.value = value;
    this.errors = error === undefined ? found : [...found, error];
  }

  /** @throws CtflowError CTFLOW_CONFIG where it cannot be read */
  static open(path: string): ConfigFile {
    try {
      const fd = openSync(path, READ_NOW);
      try {
        const stat = fstatSync(fd);
        const wrong = notRegular(stat) ?? (stat.size > MOST_BYTES ? `it has more than ${MOST_BYTES} bytes` : undefined);
        if (wrong !== undefined) throw new Error(wrong);
        return new ConfigFile(path, readFileSync(fd, 'utf8'));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const why = errnoOf(error) || (error as Error).message;
      throw new CtflowError(
        'CTFLOW_CONFIG',
        `The configuration file ${path} cannot be read: ${why}`,
        'Give a file that exists and that ctflow may read, or --config none',
        error,
      );
    }
  }

  /** An error at a value, or at its key; at what is around it where it is not there. */
  error(path: Path, what: string, hint: string, atKey: boolean): CtflowError {
    return this.#error(this.#offsetOf(path, atKey), what, hint);
  }

  #offsetOf(path: Path, atKey: boolean): number {
    let node: unknown = this.#document.contents;
    let at = 0;
    for (const [depth, key] of path.entries()) {
      const inside = isAlias(node) ? node.resolve(this.#document) : node;
      if (typeof key === 'number') return this.#placesOf(inside).at(key) ?? at;
      const pair = isMap(inside) ? inside.items.findLast(item => textOf(item.key) === String(key)) : undefined;
      const next = pair?.value;
      const last = depth === path.length - 1;
      const found = !last || atKey || !isPresent(next) ? pair?.key : next;
      if (isNode(found) && found.range) at = found.range[0];
      if (next === undefined || next === null) break;
      node = next;
    }
    return at;
  }

  /** Where each value of a list begins: each item of a list of YAML may be a text with commas, as the whole may be. */
  #placesOf(list: unknown): number[] {
    const items = isSeq(list) ? list.items : [list];
    return items.flatMap(item => this.#placesIn(isAlias(item) ? item.resolve(this.#document) : item));
  }

  #placesIn(item: unknown): number[] {
    if (!isNode(item) || !item.range) return [];
    const [start, end] = item.range;
    if (!isScalar(item)) return [start];
    const written = this.#text.slice(start, end).split(',');
    const { length } = textOf(item).split(',');
    // a comma that is written as another character, or is none of the value
    if (written.length !== length) return Array<number>(length).fill(start);
    let at = start;
    return written.map((part, i) => {
      const place = at + (i === 0 ? BLOCK_HEADER : SPACE).exec(part)![0].length;
      at += part.length + 1;
      return place;
    });
  }

  #read(): { value: Record<string, unknown>; error?: CtflowError } {
    const refuse = (what: string, hint: string): { value: Record<string, unknown>; error: CtflowError } => ({
      value: {},
      error: this.#error(this.#document.contents?.range[0] ?? 0, what, hint),
    });
    try {
      const value: unknown = this.#document.toJS();
      if (value === null) return { value: {} };
      if (isMap(this.#document.contents)) return { value: value as Record<string, unknown> };
      return refuse('the file is not a map of settings', 'Write KEY: VALUE in each line');
    } catch (error) {
      // aliases upon aliases
      return refuse(`it cannot be read: ${(error as Error).message}`, 'Write it out without aliases');
    }
  }

  /** It begins with `FILE:LINE:COLUMN: `. */
  #error(at: number, what: string, hint: string): CtflowError {
    const { line, col } = this.#lines.linePos(at);
    const printable = what.replaceAll(UNPRINTABLE, character => `\\u{${character.codePointAt(0)!.toString(16)}}`);
    const error = new CtflowError('CTFLOW_CONFIG', `${this.path}:${line}:${col}: ${printable}`, hint);
    offsets.set(error, at);
    return error;
  }
}

/** Whether a value was written, and not only its key. */
function isPresent(node: unknown): boolean {
  return isNode(node) && (node as Node & { value?: unknown }).value !== null;
}

/** A key or a value as it was written. */
function textOf(node: unknown): string {
  if (!isScalar(node)) return String(node);
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}
