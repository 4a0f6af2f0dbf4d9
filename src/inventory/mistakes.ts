import { CtflowError } from '../common/errors.js';

/** Mistakes that are kept of one inventory. */
export const MOST_MISTAKES = 100;

export interface Mistake {
  /** With file, line and column. */
  readonly message: string;
  readonly hint: string;
}

/** An inventory that is not valid; the message is that of its first mistake. */
export class InventoryError extends CtflowError {
  /** In the order of the text, {@link MOST_MISTAKES} at most. */
  readonly mistakes: readonly Mistake[];
  /** All of them. */
  readonly count: number;

  constructor(mistakes: readonly Mistake[], count: number) {
    const [{ message, hint }] = mistakes;
    super('CTFLOW_INVENTORY', count === 1 ? message : `${message} (and ${count - 1} more)`, hint);
    this.mistakes = mistakes.slice(0, MOST_MISTAKES);
    this.count = count;
  }
}
