import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A row of a table of tests in a page: what it is of, the file, and the title. */
export interface TestRow {
  readonly number: string;
  readonly file: string;
  readonly title: string;
}

/** The rows of a page's tables of tests. */
export function testRows(page: string): TestRow[] {
  return [...page.matchAll(/^\| (\d+|[a-z]|–) \| `(test\/[^`]+)` \| (.+) \|$/gm)].map(([, number, file, title]) => ({
    number,
    file,
    title,
  }));
}

/** Numbers and texts of a page's requirements: `| 1. | … |`. */
export function requirements(page: string): { number: string; text: string }[] {
  return [...page.matchAll(/^\| (\d+)\. \| (.+) \|$/gm)].map(([, number, text]) => ({ number, text }));
}

/** Titles of a file as they stand in it: what a template fills in is `…`. */
export function titlesOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const literals = [...source.matchAll(/(?:^|\s|\()(?:'((?:[^'\\\n]|\\.)+)'|`((?:[^`\\\n]|\\.)+)`),/gm)];
  return literals.map(([, plain, template]) => plain ?? template.replaceAll(/\$\{[^}]*\}/g, '…'));
}
