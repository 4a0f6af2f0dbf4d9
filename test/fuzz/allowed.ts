import { CtflowError, type ErrorCode } from '../../src/common/errors.js';

/** An error of this kind is how the code refuses an input; any other is a finding. It must say what to do. */
export function allow(error: unknown, ...codes: readonly ErrorCode[]): void {
  if (error instanceof CtflowError && codes.includes(error.code) && error.message !== '' && error.hint !== '') return;
  throw error;
}
