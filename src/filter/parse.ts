import { nearest } from '../common/nearest.js';
import {
  addressCondition,
  complement,
  merged,
  numberCondition,
  type Condition,
  type NumberRange,
} from './condition.js';
import type { Expression, Test } from './expression.js';
import { FIELDS, IPV4, OTHER_NAMES, type Field, type FieldType, type Place } from './fields.js';
import { FilterError } from './filter-error.js';
import { addressRange, addressValue, BadValue, numberRange, numberValue, textValue } from './literals.js';
import { printable, tokenize, type Token } from './tokens.js';

/** Parentheses and `!` within one another, at most. */
const DEEPEST = 64;

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const PLACES: Readonly<Record<Place, string>> = {
  dump: 'of a dump',
  run: 'of an exporter',
  collect: 'of a collector: no element has it',
};

type NumberField = Extract<FieldType, { kind: 'number' }>;

/** Fields beside those of all filters. */
export interface MoreFields {
  /** A text says what the field holds, where it cannot be compared. */
  readonly find: (name: string) => Field | string | undefined;
  /** All of them, for whom has misspelled one. */
  readonly names: () => readonly string[];
}

/**
 * Reads a filter. Of `&&` and `||` the first binds tighter; `!` binds to what follows.
 * @throws FilterError
 */
export function parse(text: string, place: Place, more?: MoreFields): Expression {
  return new Parser(text, place, more).parse();
}

class Parser {
  readonly #text: string;
  readonly #place: Place;
  readonly #more: MoreFields | undefined;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string, place: Place, more: MoreFields | undefined) {
    this.#text = text;
    this.#place = place;
    this.#more = more;
    this.#tokens = tokenize(text);
  }

  parse(): Expression {
    const whole = this.#any();
    const { kind, text, at } = this.#token;
    if (kind === 'end') return whole;
    if (text === ')') throw this.#error(at, "')' closes nothing", 'Write a ( before it, or remove it');
    throw this.#error(at, `'${printable(text)}' is not expected here`, 'Write && or || between two comparisons');
  }

  get #token(): Token {
    return this.#tokens[this.#next];
  }

  #any(): Expression {
    const parts = [this.#all()];
    while (this.#take('||', 'or')) parts.push(this.#all());
    return parts.length === 1 ? parts[0] : { kind: 'any', parts };
  }

  #all(): Expression {
    const parts = [this.#not()];
    while (this.#take('&&', 'and')) parts.push(this.#not());
    if (parts.length === 1) return parts[0];
    this.#checkFamilies(parts);
    return { kind: 'all', parts };
  }

  #not(): Expression {
    const { at } = this.#token;
    if (this.#take('!', 'not')) return { kind: 'not', part: this.#inside(at, () => this.#not()) };
    if (!this.#take('(')) return this.#test();
    const whole = this.#inside(at, () => this.#any());
    if (!this.#take(')')) throw this.#error(this.#token.at, 'a ) is missing', `Column ${at + 1} has the ( to it`);
    return whole;
  }

  #inside(at: number, read: () => Expression): Expression {
    if (++this.#depth > DEEPEST) {
      throw this.#error(at, 'too many parentheses or ! within one another', `Write at most ${DEEPEST}`);
    }
    const found = read();
    this.#depth--;
    return found;
  }

  #test(): Expression {
    const name = this.#token;
    if (name.kind !== 'word')
      throw this.#error(name.at, 'a field is missing', 'Write a comparison, such as protocol == tcp');
    const { type, lasting = false } = this.#field(name);
    this.#next++;
    const field = name.text;
    const { at } = this.#token;
    const mask = this.#mask(field, type);
    const operator = this.#operator(type, field);
    if (operator === undefined) {
      if (type.kind === 'flag') return this.#found(field, { kind: 'flag', wanted: true }, 3, at, lasting);
      if (mask === undefined) throw this.#error(at, `'${field}' is not compared`, comparisonHint(field, type));
      const unset = numberCondition(complement([[0, 0]]), mask);
      return this.#found(field, unset, 3, at, lasting);
    }
    const value = this.#token;
    const found = this.#value(operator, type, mask, field);
    const families = found.kind === 'number' ? familiesOf(field, found) : this.#families(found);
    return this.#found(field, found, families, value.at, lasting);
  }

  #found(field: string, condition: Condition, families: number, at: number, lasting: boolean): Test {
    return { kind: 'test', field, condition, families, at, lasting };
  }

  #field({ text, at }: Token): Field {
    const field = FIELDS.get(text) ?? this.#more?.find(text);
    if (typeof field === 'string') {
      throw this.#error(at, `'${text}' holds ${field}, which cannot be compared`, 'Write another field');
    }
    if (field && (field.places?.includes(this.#place) ?? true)) return field;
    if (field) {
      throw this.#error(
        at,
        `'${text}' is no field ${PLACES[this.#place]}`,
        `It is one of ${field.places!.map(where => `ctflow ${where}`).join(' and ')}`,
      );
    }
    const names = [...FIELDS].filter(([, { places }]) => places?.includes(this.#place) ?? true).map(([name]) => name);
    const other = OTHER_NAMES[text.toLowerCase()];
    const near =
      other !== undefined && names.includes(other) ? other : nearest(text, [...names, ...(this.#more?.names() ?? [])]);
    const hint = near === undefined ? `The fields are ${names.join(', ')}` : `Write ${near}`;
    throw this.#error(at, `'${printable(text)}' is not a field`, hint);
  }

  /** `& 0xf0`, for fields whose bits have a meaning. */
  #mask(field: string, type: FieldType): number | undefined {
    const { at } = this.#token;
    if (!this.#take('&')) return undefined;
    if (type.kind !== 'number' || !type.bits) {
      throw this.#error(at, `'${field}' has no bits to choose from`, 'Write && between two comparisons');
    }
    const token = this.#bits(type);
    const mask = this.#checked(token.at, () => numberValue(type, token));
    if (mask === 0) throw this.#error(token.at, 'a mask of 0 has no bits', 'Write the bits that are compared');
    return mask;
  }

  /** A value; names of bits may have `|` between them. */
  #bits(type: NumberField): Token {
    const first = this.#valueToken();
    const names = [first.text];
    while (type.bits && this.#token.kind === 'sign' && this.#token.text === '|') {
      this.#next++;
      names.push(this.#valueToken().text);
    }
    return { ...first, text: names.join('|') };
  }

  #operator(type: FieldType, field: string): string | undefined {
    const { kind, text, at } = this.#token;
    const isIn = kind === 'word' && text === 'in';
    if (!isIn && !(kind === 'sign' && COMPARISONS.has(text))) return undefined;
    const ordered = type.kind === 'number' && !type.unordered;
    if ((isIn && type.kind === 'flag') || (/^[<>]/.test(text) && !ordered)) {
      throw this.#error(at, `'${field}' cannot be compared with ${text}`, comparisonHint(field, type));
    }
    this.#next++;
    return text;
  }

  #value(operator: string, type: FieldType, mask: number | undefined, field: string): Condition {
    switch (type.kind) {
      case 'flag': {
        const { text, at } = this.#valueToken();
        if (text !== 'true' && text !== 'false') {
          throw this.#error(at, `'${printable(text)}' is not a value of '${field}'`, 'Write true or false');
        }
        return { kind: 'flag', wanted: (text === 'true') === (operator === '==') };
      }
      case 'text': {
        const texts = this.#list(operator, token => textValue(token));
        return { kind: 'text', texts, not: operator === '!=' };
      }
      case 'address': {
        const read = operator === 'in' ? addressRange : addressValue;
        return addressCondition(this.#list(operator, read), operator === '!=');
      }
      case 'number':
        return this.#numbers(operator, type, mask, field);
    }
  }

  #numbers(operator: string, type: NumberField, mask: number | undefined, field: string): Condition {
    const { at } = this.#token;
    if (type.bits && type.names && mask === undefined && type.names.has(this.#token.text.toLowerCase())) {
      const bit = this.#token.text;
      throw this.#error(at, `'${field}' is the sum of its bits`, `Write ${field} & ${bit}`);
    }
    const read = (token: Token): NumberRange => {
      const [low, high] = operator === 'in' ? numberRange(type, token) : repeated(numberValue(type, token));
      if (mask !== undefined && low === high && (low & ~mask) !== 0) {
        throw new BadValue(`'${printable(token.text)}' has bits outside the mask`, 'It can never match');
      }
      return [low, high];
    };
    const values = operator === 'in' ? this.#list(operator, read) : [this.#checkedValue(this.#bits(type), read)];
    const ranges = rangesOf(operator, values, type.most);
    if (ranges.length > 0) return numberCondition(ranges, mask);
    throw this.#error(at, 'this can never match', `The values of '${field}' are 0 to ${type.most}`);
  }

  /** The values behind `in`: one, or several in parentheses; one value behind any other operator. */
  #list<T>(operator: string, read: (token: Token) => T): T[] {
    const { at } = this.#token;
    if (this.#token.kind !== 'sign' || this.#token.text !== '(') return [this.#checkedValue(this.#valueToken(), read)];
    if (operator !== 'in') throw this.#error(at, `${operator} takes one value`, 'Write in before a list');
    this.#next++;
    const values: T[] = [];
    do values.push(this.#checkedValue(this.#valueToken(), read));
    while (this.#take(','));
    if (!this.#take(')'))
      throw this.#error(this.#token.at, 'the list does not end', 'Write , between values, and ) at its end');
    return values;
  }

  #checkedValue<T>(token: Token, read: (token: Token) => T): T {
    return this.#checked(token.at, () => read(token));
  }

  #checked<T>(at: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof BadValue) throw this.#error(at, error.message, error.hint);
      throw error;
    }
  }

  /** A value; a range may have spaces around its dash. */
  #valueToken(): Token {
    const first = this.#token;
    if (first.kind !== 'word' && first.kind !== 'string') {
      throw this.#error(first.at, 'a value is missing', 'Write what the field is compared with');
    }
    this.#next++;
    const { kind, text } = this.#token;
    if (first.kind === 'string' || kind !== 'word' || text !== '-') return first;
    const last = this.#tokens[this.#next + 1];
    if (last.kind !== 'word') throw this.#error(last.at, 'the range does not end', 'Write its last value');
    this.#next += 2;
    return { ...first, text: `${first.text}-${last.text}` };
  }

  #take(sign: string, word?: string): boolean {
    const { kind, text } = this.#token;
    const found = kind === 'sign' ? text === sign : kind === 'word' && text === word;
    if (found) this.#next++;
    return found;
  }

  #families(condition: Condition): number {
    if (condition.kind !== 'address' || condition.not) return 3;
    return (condition.four.empty ? 0 : 1) | (condition.six.empty ? 0 : 2);
  }

  /** What all of them hold for is of one family. */
  #checkFamilies(parts: readonly Expression[]): void {
    let families = 3;
    for (const part of parts) {
      if (part.kind !== 'test') continue;
      families &= part.families;
      if (families !== 0) continue;
      throw this.#error(part.at, 'this can never match', 'A connection has IPv4 or IPv6 addresses, and not both');
    }
  }

  #error(at: number, message: string, hint: string): FilterError {
    return new FilterError(this.#text, at, message, hint);
  }
}

function repeated(value: number): NumberRange {
  return [value, value];
}

/** What a comparison leaves of the values 0 to `most`. */
function rangesOf(operator: string, values: readonly NumberRange[], most: number): NumberRange[] {
  const [[value]] = values;
  const all: Readonly<Record<string, () => readonly NumberRange[]>> = {
    '==': () => values,
    in: () => values,
    '!=': () => complement(merged(values)),
    '<': () => [[0, value - 1]],
    '<=': () => [[0, value]],
    '>': () => [[value + 1, Infinity]],
    '>=': () => [[value, Infinity]],
  };
  return all[operator]().filter(([low, high]) => low <= most && high >= low);
}

function familiesOf(field: string, { lows, highs }: { lows: Float64Array; highs: Float64Array }): number {
  if (field !== 'family' || lows.length !== 1 || lows[0] !== highs[0]) return 3;
  return lows[0] === IPV4 ? 1 : 2;
}

function comparisonHint(field: string, type: FieldType): string {
  switch (type.kind) {
    case 'flag':
      return `Write ${field} or !${field}`;
    case 'text':
      return `Write ${field} == NAME, ${field} != NAME or ${field} in (NAME, NAME)`;
    case 'address':
      return `Write ${field} == ADDRESS, ${field} != ADDRESS or ${field} in PREFIX`;
    case 'number':
      if (type.bits && type.names) return `Write ${field} & ${[...type.names.keys()][2]}`;
      if (type.unordered) return `Write ${field} == ${[...(type.names ?? new Map()).keys()][0]}, != or in`;
      return `Write ${field} with ==, !=, <, <=, >, >= or in`;
  }
}
