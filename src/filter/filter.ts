import type { Condition } from './condition.js';
import { isLasting, type Expression } from './expression.js';
import type { Place } from './fields.js';
import { parse, type MoreFields } from './parse.js';

/** Whether the filter takes this one. */
export type Matches<S> = (subject: S) => boolean;

/** How the fields of a subject are read: a test of one field. What is not known meets no condition. */
export type TestOf<S> = (field: string, condition: Condition) => Matches<S>;

/** A filter that was read and checked: one expression over the names of fields. See docs/filters.md. */
export class Filter {
  /** As it was written. */
  readonly text: string;
  /** The names of its fields. */
  readonly fields: ReadonlySet<string>;
  readonly #root: Expression;

  /**
   * @param place where it is used, which decides on the fields; @param more fields beside them
   * @throws FilterError with the column of the mistake
   */
  constructor(text: string, place: Place, more?: MoreFields) {
    this.text = text;
    this.#root = parse(text, place, more);
    this.fields = new Set(fieldsOf(this.#root));
  }

  /** As a function. */
  compile<S>(test: TestOf<S>): Matches<S> {
    return compile(this.#root, test);
  }

  /**
   * As two functions that both have to hold: one over what never changes of a connection, and one over the rest. Undefined where
   * there is nothing to ask.
   */
  split<S>(test: TestOf<S>): { lasting: Matches<S> | undefined; changing: Matches<S> | undefined } {
    const parts = this.#root.kind === 'all' ? this.#root.parts : [this.#root];
    const whole = (some: readonly Expression[]): Matches<S> | undefined =>
      some.length === 0 ? undefined : compile({ kind: 'all', parts: some }, test);
    return { lasting: whole(parts.filter(isLasting)), changing: whole(parts.filter(part => !isLasting(part))) };
  }
}

function fieldsOf(expression: Expression): string[] {
  if (expression.kind === 'test') return [expression.field];
  return expression.kind === 'not' ? fieldsOf(expression.part) : expression.parts.flatMap(fieldsOf);
}

function compile<S>(expression: Expression, test: TestOf<S>): Matches<S> {
  switch (expression.kind) {
    case 'test':
      return test(expression.field, expression.condition);
    case 'not': {
      const part = compile(expression.part, test);
      return subject => !part(subject);
    }
    case 'all':
      return expression.parts.map(part => compile(part, test)).reduce(both);
    case 'any':
      return expression.parts.map(part => compile(part, test)).reduce(either);
  }
}

function both<S>(first: Matches<S>, second: Matches<S>): Matches<S> {
  return subject => first(subject) && second(subject);
}

function either<S>(first: Matches<S>, second: Matches<S>): Matches<S> {
  return subject => first(subject) || second(subject);
}
