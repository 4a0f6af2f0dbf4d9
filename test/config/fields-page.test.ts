import test from 'ava';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { elementsInRecords, explainedElements, fieldsPage, OPTIONS_ELEMENTS } from '../../src/config/fields-page.js';
import { elementById } from '../../src/ipfix/registry.js';
import { optionsTemplateSet } from '../../src/ipfix/options.js';
import { readTemplates } from '../helpers/builders/wire.js';

const PAGE = fileURLToPath(new URL('../../../docs/fields.md', import.meta.url));

test('the page of fields is that of the code: npm run generate', t => {
  t.is(readFileSync(PAGE, 'utf8'), fieldsPage());
});

test('every element of a record is explained, once, and no other', t => {
  const explained = explainedElements();
  const sent = new Set([...elementsInRecords().values()].flatMap(names => [...names]));
  t.true(sent.size > 80);
  t.is(new Set(explained).size, explained.length);
  t.deepEqual([...explained].sort(), [...sent].sort());
});

test('the elements of options records are those of their templates', t => {
  const sent = new Set<string>();
  for (const sampling of ['current', 'deprecated'] as const) {
    const set = Buffer.from(optionsTemplateSet(sampling, true, true)).subarray(4);
    for (const { fields } of readTemplates({ id: 3, content: set }))
      for (const { id, enterprise = 0 } of fields) sent.add(elementById(enterprise, id)!.name);
  }
  t.deepEqual([...OPTIONS_ELEMENTS].sort(), [...sent].sort());
});
