import { FilterError } from './filter-error.js';

/** Characters of a filter at most. */
export const LONGEST_FILTER = 4096;

/** `end` stands behind the last one. */
export type TokenKind = 'word' | 'string' | 'sign' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** Of a string what stands between its quotes. */
  readonly text: string;
  /** Index of its first character in the filter. */
  readonly at: number;
}

const SPACE = /\s+/y;
// an address, a prefix, a range, a name, a size
const WORD = /[\w.:/%-]+/y;
const STRING = /"([^"\\]|\\["\\])*"|'([^'\\]|\\['\\])*'/y;
const SIGN = /&&|\|\||==|!=|<=|>=|[!<>()&|,]/y;

/**
 * The words and signs of a filter.
 * @throws FilterError
 */
export function tokenize(text: string): Token[] {
  if (text.length > LONGEST_FILTER) {
    const hint = `Write at most ${LONGEST_FILTER} characters`;
    throw new FilterError(text, LONGEST_FILTER, `the filter has ${text.length} characters`, hint);
  }
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  for (;;) {
    at += match(SPACE)?.length ?? 0;
    if (at === text.length) break;
    const string = match(STRING);
    const word = string ?? match(WORD);
    const found = word ?? match(SIGN);
    if (found === undefined) throw unexpected(text, at);
    if (string !== undefined) tokens.push({ kind: 'string', text: unquoted(string), at });
    else tokens.push({ kind: word === undefined ? 'sign' : 'word', text: found, at });
    at += found.length;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

function unexpected(text: string, at: number): FilterError {
  const sign = String.fromCodePoint(text.codePointAt(at)!);
  if (sign === '"' || sign === "'") {
    return new FilterError(
      text,
      at,
      'a text in quotes does not end',
      `Write a second ${sign} behind it; a \\ within it is written \\\\`,
    );
  }
  const instead: Readonly<Record<string, string>> = { '=': '==', '{': '( )', '[': '( )', '~': 'in ( )' };
  const hint = instead[sign] === undefined ? 'Put names with other signs in quotes' : `Write ${instead[sign]}`;
  return new FilterError(text, at, `'${printable(sign)}' has no meaning here`, hint);
}

/** What a terminal can show without harm. */
export function printable(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return short.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
