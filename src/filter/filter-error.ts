import { CtflowError } from '../common/errors.js';

/** A mistake in a filter. */
export class FilterError extends CtflowError {
  /** Where it stands in the text, from 1; characters, not bytes. */
  readonly column: number;

  /** @param at index in the text */
  constructor(text: string, at: number, message: string, hint: string) {
    const column = Array.from(text.slice(0, at)).length + 1;
    super('CTFLOW_USAGE', `column ${column}: ${message}`, hint);
    this.column = column;
  }
}
