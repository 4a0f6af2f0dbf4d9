import { formatDuration } from '../common/duration.js';
import { CtflowError } from '../common/errors.js';
import { formatSize, parseSize } from '../common/size.js';
import * as values from './values.js';

/** A value as it stands in the file. */
export type Written = string | number | boolean | readonly (string | number)[];

/** A kind of value: how it is written in a flag, a variable and the file. */
export interface Kind<T> {
  /** As the help shows it: `<time>`, `[on|off]`. */
  readonly form: string;
  /** @throws CtflowError CTFLOW_USAGE that names the text, and what to write instead */
  readonly parse: (text: string) => T;
  /** As `parse` reads it; a list of several. */
  readonly write: (value: T) => Written;
  /** The JSON Schema of a value in the file, for editors. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What may be written, in words. */
  readonly allowed: string;
  /** A list: a flag may be given several times, and texts have commas. */
  readonly many?: true;
  /** A list that may be a map in the file: the text of one of its entries. @throws as `parse` */
  readonly entry?: (key: string, value: unknown) => string;
  /** Items of a list at most. */
  readonly most?: number;
  /** A list in which two of this text must not be. */
  readonly sameness?: (value: unknown) => string;
  readonly choices?: readonly string[];
}

const TIME = '(\\d+(\\.\\d+)?(ms|[smhd]))+';

/** Any text but none. @param form as the help shows it */
export function text(form: string): Kind<string> {
  return parsed(form, 'a text', values.text);
}

/** A text that is read as something else. */
export function parsed<T extends string>(form: string, allowed: string, parse: (text: string) => T): Kind<T> {
  return { form, parse, write: value => value, json: { type: 'string', minLength: 1 }, allowed };
}

export function choice<const T extends string>(form: string, words: readonly T[]): Kind<T> {
  return {
    form,
    parse: values.oneOf(words),
    write: value => value,
    json: { enum: words },
    allowed: words.join(', '),
    choices: words,
  };
}

/** @param form as the help shows it; a switch has its value in brackets and is on without one */
export function onOff(form = '[on|off]'): Kind<boolean> {
  return {
    form,
    parse: values.onOff,
    write: value => value,
    json: { enum: [true, false, 'on', 'off'] },
    allowed: 'on or off',
  };
}

export function wholeNumber(form: string, least: number, most: number): Kind<number> {
  return {
    form,
    parse: values.wholeNumber(least, most),
    write: value => value,
    json: { type: 'integer', minimum: least, maximum: most },
    allowed: `${least} to ${most}`,
  };
}

export function numberOr<const T extends string>(
  form: string,
  least: number,
  most: number,
  words: readonly T[],
): Kind<number | T> {
  return {
    form,
    parse: values.numberOr(least, most, words),
    write: value => value,
    json: { anyOf: [{ type: 'integer', minimum: least, maximum: most }, { enum: words }] },
    allowed: `${least} to ${most}, ${words.join(', ')}`,
  };
}

/** Bytes: `32MiB`. */
export function size(least: number, most: number): Kind<number> {
  const allowed = `${formatSize(least)} to ${formatSize(most)}`;
  const hint = `Write a size from ${allowed}, such as 32MiB, or a number of bytes`;
  return {
    form: '<size>',
    parse: text => {
      const bytes = readable(() => parseSize(text), hint);
      if (bytes >= least && bytes <= most) return bytes;
      throw new CtflowError('CTFLOW_USAGE', `'${text}' is out of range`, hint);
    },
    write: formatSize,
    json: {
      anyOf: [
        { type: 'integer', minimum: least, maximum: most },
        { type: 'string', pattern: '^\\d+(B|KiB|MiB|GiB)?$' },
      ],
    },
    allowed,
  };
}

/** Bytes, or one of these words. */
export function sizeOr<const T extends string>(least: number, most: number, words: readonly T[]): Kind<number | T> {
  const { form, parse, json, allowed } = size(least, most);
  return {
    form,
    parse: text => words.find(word => word === text) ?? parse(text),
    write: value => (typeof value === 'number' ? formatSize(value) : value),
    json: { anyOf: [...(json['anyOf'] as unknown[]), { enum: words }] },
    allowed: `${allowed}, ${words.join(', ')}`,
  };
}

/** Milliseconds: `5s`. */
export function duration(least: string, most: string): Kind<number> {
  return {
    form: '<time>',
    parse: values.duration(least, most),
    write: formatDuration,
    json: { type: 'string', pattern: `^${TIME}$` },
    allowed: `${least} to ${most}`,
  };
}

/** Milliseconds; `0s` for never. */
export function durationOrNone(least: string, most: string): Kind<number> {
  return { ...duration(least, most), parse: values.durationOrNone(least, most), allowed: `0s, or ${least} to ${most}` };
}

export function durationOr<const T extends string>(least: string, most: string, words: readonly T[]): Kind<number | T> {
  return {
    form: '<time>',
    parse: values.durationOr(least, most, words),
    write: value => (typeof value === 'number' ? formatDuration(value) : value),
    json: { type: 'string', pattern: `^(${TIME}|${words.join('|')})$` },
    allowed: `${least} to ${most}, ${words.join(', ')}`,
  };
}

/** A list of what another kind is. @param sameness the text by which no two of them may be the same */
export function list<T>(form: string, item: Kind<T>, sameness?: (value: T) => string): Kind<T[]> {
  return {
    form,
    parse: text => text.split(',').map(word => item.parse(word.trim())),
    write: list => list.flatMap(value => item.write(value) as string | number),
    json: { anyOf: [{ type: 'array', items: item.json, minItems: 1 }, item.json] },
    allowed: `a list of: ${item.allowed}`,
    many: true,
    ...(sameness && { sameness: sameness as (value: unknown) => string }),
  };
}

function readable<T>(read: () => T, hint: string): T {
  try {
    return read();
  } catch (error) {
    throw new CtflowError('CTFLOW_USAGE', (error as Error).message, hint, error);
  }
}
