import type { Result } from '../../results/results.js';
import { parametersOf, titleOf } from '../comparison.js';

/** In the order of their first one. */
export function bySubject<T extends { readonly head: Result }>(rows: readonly T[]): [subject: string, rows: T[]][] {
  const subjects = new Map<string, T[]>();
  for (const row of rows) subjects.set(row.head.subject, [...(subjects.get(row.head.subject) ?? []), row]);
  return [...subjects];
}

/**
 * What each result is called among those of its subject: what they have in common is left out, and so is what follows from the
 * rest, such as how many connections are gone where it is a tenth of all.
 */
export function labelsOf(results: readonly Result[]): string[] {
  let labels = results.map(result => titleOf(result).slice(result.subject.length).trim());
  const names = new Set(results.flatMap(({ parameters }) => Object.keys(parameters)));
  for (const name of names) {
    const longer = labels.map((label, i) => {
      const value = results[i].parameters[name];
      return value === undefined ? label : `${label}, ${parametersOf({ parameters: { [name]: value } })}`;
    });
    if (new Set(longer).size > new Set(labels).size) labels = longer;
  }
  return labels;
}
