/** docs/conformance.md: each requirement has its tests, and each test that is named after an RFC stands there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { requirements, testRows, titlesOf } from '../../helpers/titles.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const REQUIREMENTS = 21;

const PAGE = readFileSync(join(ROOT, 'docs/conformance.md'), 'utf8');

const rows = testRows(PAGE);
/** What conntrack knows, by letters. */
const ELEMENTS = [...PAGE.matchAll(/^\| ([a-z])\. \|/gm)].map(([, letter]) => letter);

test('every requirement has a test, unless the page says that it is not offered', t => {
  const all = requirements(PAGE);
  t.deepEqual(
    all.map(({ number }) => Number(number)),
    Array.from({ length: REQUIREMENTS }, (_, i) => i + 1),
  );
  const tested = new Set(rows.map(({ number }) => number));
  const untested = all.filter(({ number, text }) => !tested.has(number) && !text.includes('Not offered.'));
  t.deepEqual(untested, []);
});

test('every element of profile standard has a test', t => {
  t.is(ELEMENTS.join(''), 'abcdefghijklmno');
  const tested = new Set(rows.map(({ number }) => number));
  t.deepEqual(
    ELEMENTS.filter(letter => !tested.has(letter)),
    [],
  );
});

test('every test that the page names is there', t => {
  const missing = rows.filter(({ file, title }) => !titlesOf(file).includes(title));
  t.true(rows.length > 60);
  t.deepEqual(missing, []);
});

test('every test of this folder that is named after an RFC stands on the page', t => {
  const folder = 'test/conformance/wire';
  const named = readdirSync(join(ROOT, folder)).flatMap(name =>
    titlesOf(join(folder, name))
      .filter(title => /^RFC \d/.test(title))
      .map(title => `${folder}/${name}: ${title}`),
  );
  t.true(named.length > 10);
  const known = new Set(rows.map(({ file, title }) => `${file}: ${title}`));
  t.deepEqual(
    named.filter(one => !known.has(one)),
    [],
  );
});
