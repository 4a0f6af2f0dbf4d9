import type { z } from 'zod';
import { CtflowError } from '../common/errors.js';

/** What a destination may be called. */
export const NAME_HINT =
  'Write 1 to 63 letters, digits, dots, hyphens or underscores, and begin with a letter or digit';

/** The keys, and numbers in lists, that lead to a value. */
export type Path = readonly PropertyKey[];

/** Makes the error of one mistake: names where the value, or its key, stands. */
export type Blame = (path: Path, what: string, hint: string, atKey?: boolean) => CtflowError;

/** All that is wrong with what the user wrote. */
export class Mistakes extends Error {
  override readonly name = 'Mistakes';
  readonly errors: readonly CtflowError[];

  constructor(errors: readonly CtflowError[]) {
    super(errors.map(({ message, hint }) => `${message}. ${hint}`).join('\n'));
    this.errors = errors;
  }
}

/** @throws Mistakes, or CtflowError where there is one; nothing where there is none */
export function throwMistakes(errors: readonly CtflowError[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new Mistakes(errors);
}

/** The errors of an issue of a schema whose values are settings. @param unknown what is said of a key that is not known */
export function errorsOf(issue: z.core.$ZodIssue, blame: Blame, unknown: (path: Path) => string): CtflowError[] {
  if (issue.code === 'unrecognized_keys') {
    // the file has an error of it
    return issue.keys
      .filter(key => key !== '__proto__')
      .map(key => {
        const path = [...issue.path, key];
        return blame(path, 'there is no such key', unknown(path), true);
      });
  }
  if (issue.code === 'invalid_type') {
    const hint = `Write ${issue.path.length === 1 ? 'NAME: and below it ' : ''}flowCollectorAddr: udp://HOST:PORT`;
    return [blame(issue.path, 'this is not a map', hint)];
  }
  const hint = issue.code === 'custom' ? (issue.params?.['hint'] as string | undefined) : undefined;
  return [blame(issue.path, issue.message, hint ?? 'Remove it')];
}
