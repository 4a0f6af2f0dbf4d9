import test from 'ava';
import { ALL_LABELS, keptLabels } from '../../../src/inventory/kubernetes/labels.js';
import { LONGEST_NAME } from '../../../src/row/layout.generated.js';

const LABELS = { team: 'shop', app: 'web', 'app.kubernetes.io/name': 'web', empty: '' };

for (const [what, wanted, text] of [
  ['no labels where none are asked for', [], ''],
  ['one label', ['app'], '{"app":"web"}'],
  ['labels are in the order of their keys', ['team', 'app'], '{"app":"web","team":"shop"}'],
  ['a label without a value has an empty one', ['empty'], '{"empty":""}'],
  ['all labels', [ALL_LABELS], '{"app":"web","app.kubernetes.io/name":"web","empty":"","team":"shop"}'],
  [
    'all beside one are all',
    ['app', ALL_LABELS],
    '{"app":"web","app.kubernetes.io/name":"web","empty":"","team":"shop"}',
  ],
  ['what the pod has not is not there', ['toString', 'tier'], '{}'],
] as const) {
  test(what, t => {
    t.deepEqual(keptLabels(LABELS, wanted), { text, leftOut: 0 });
    if (text !== '') t.notThrows(() => JSON.parse(text));
  });
}

test('a pod may have no labels', t => {
  t.deepEqual(keptLabels(undefined, [ALL_LABELS]), { text: '{}', leftOut: 0 });
});

test('whole labels are left out and counted where there is no room; those that were asked for first come first', t => {
  const long = 'x'.repeat(63);
  const labels = { a: long, b: long, c: long, d: long, e: '1' };
  const kept = keptLabels(labels, ['d', 'c', 'b', 'a', 'e']);
  t.deepEqual(JSON.parse(kept.text), { b: long, c: long, d: long, e: '1' });
  t.is(kept.leftOut, 1);
  const all = keptLabels(labels, [ALL_LABELS]);
  t.deepEqual(JSON.parse(all.text), { a: long, b: long, c: long, e: '1' });
  t.is(all.leftOut, 1);
});

test('all octets of a name are used, and none more', t => {
  for (const [length, leftOut] of [
    [LONGEST_NAME - '{"k":""}'.length, 0],
    [LONGEST_NAME - '{"k":""}'.length + 1, 1],
    [LONGEST_NAME, 1],
  ]) {
    const { text, ...rest } = keptLabels({ k: 'x'.repeat(length) }, ['k']);
    t.is(text.length, leftOut === 0 ? LONGEST_NAME : '{}'.length);
    t.is(rest.leftOut, leftOut);
  }
});
