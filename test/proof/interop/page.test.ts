import test from 'ava';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compare } from '../../../proof/interop/compare.js';
import { flagsOf, PLAIN } from '../../../proof/interop/dialect.js';
import { EXPORTERS } from '../../../proof/interop/exporters/index.js';
import { pageOf } from '../../../proof/interop/page.js';
import { TAKERS } from '../../../proof/interop/takers/index.js';

const PAGE = readFileSync(fileURLToPath(new URL('../../../../docs/interop.md', import.meta.url)), 'utf8');

test('the page has a row for each program and each element', t => {
  const comparison = compare([{ a: '1', b: '2' }], [{ a: '1', b: '3' }]);
  const dialect = { ...PLAIN, options: false };
  const page = pageOf(
    [
      { name: 'one', run: 'as it is', dialect, version: '1.2', comparison },
      { name: 'two', run: 'a library', dialect: PLAIN, left: 'two is not installed' },
    ],
    [{ name: 'three', dialect: { ...PLAIN, biflow: 'two-uniflows' }, version: '3', comparison }],
    [],
  );
  t.true(
    page.includes(
      '| three | 3 | `--profile nat --biflow two-uniflows --options-interval 0s --nat66-events 200,201` | 1 of 1 |',
    ),
  );
  t.true(page.includes('| one | 1.2 | as it is | `--options-interval 0s` | 1 of 1 |'));
  t.true(page.includes('| two |  | a library | `none` | left out: two is not installed |'));
  t.true(page.includes('| element | one |\n|---|---|\n| a | right |\n| b | wrong |'));
});

test('flags are those that a user writes', t => {
  t.is(flagsOf(PLAIN), 'none');
  t.is(flagsOf({ ...PLAIN, profile: 'antrea', options: false }), '--profile antrea');
  t.is(
    flagsOf({ ...PLAIN, biflow: 'two-uniflows', netfilterElements: true }),
    '--biflow two-uniflows --netfilter-elements',
  );
});

test('docs/interop.md has every program, and nothing that is wrong', t => {
  const missing = [...TAKERS, ...EXPORTERS].filter(({ name }) => !PAGE.includes(`\n| ${name} |`));
  t.deepEqual(missing, []);
  t.false(/\| wrong \|/.test(PAGE));
});
