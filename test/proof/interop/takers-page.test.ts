/** docs/takers.md: what each taker needs has a test or is read back right, and everything that is named is there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { requirements, testRows, titlesOf } from '../../helpers/titles.js';

const read = (page: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../docs/${page}`, import.meta.url)), 'utf8');
const PAGE = read('takers.md');
const rows = testRows(PAGE);
/** What programs have read right. */
const readBack = [...PAGE.matchAll(/^\| (\d+) \| (\w[\w-]*) \| ([\w, ]+) \|$/gm)].map(
  ([, number, program, elements]) => ({
    number,
    program,
    elements: elements.split(', '),
  }),
);

test('every need has a test, or is read back right', t => {
  const shown = new Set([...rows, ...readBack].map(({ number }) => number));
  const needs = requirements(PAGE);
  t.true(needs.length > 20);
  t.deepEqual(
    needs.filter(({ number }) => !shown.has(number)),
    [],
  );
  const known = new Set(needs.map(({ number }) => number));
  t.deepEqual(
    [...shown].filter(number => !known.has(number)),
    [],
  );
});

test('every test that the page names is there', t => {
  t.deepEqual(
    rows.filter(({ file, title }) => !titlesOf(file).includes(title)),
    [],
  );
});

test('what the page calls right is right in docs/interop.md', t => {
  const [, table] = read('interop.md').split('\n| element |');
  const [head, , ...lines] = table.split('\n\n')[0].split('\n');
  const programs = head.split('|').map(cell => cell.trim());
  const verdicts = new Map(
    lines.map(line => {
      const [element, ...cells] = line
        .slice(1)
        .split('|')
        .map(cell => cell.trim());
      return [element, cells];
    }),
  );
  const isRight = (program: string, element: string): boolean =>
    verdicts.get(element)?.[programs.indexOf(program)] === 'right';
  t.true(readBack.length > 15);
  t.deepEqual(
    readBack.flatMap(({ program, elements }) =>
      elements.filter(element => !isRight(program, element)).map(element => `${program} ${element}`),
    ),
    [],
  );
});
