import type { ErrorCode } from '../../../src/common/errors.js';

/** An error as the native module throws it. */
export function nativeFailure(code: ErrorCode, text: string): Error {
  return Object.assign(new Error(text), { code });
}
