import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { DumpRows } from '../../src/sources/dump-rows.js';

test('the next rows are delivered when the receiver is done, and all are counted', async t => {
  const rows = new DumpRows();
  const got: [number, number][] = [];
  let taken!: () => void;
  rows.begin((batch, at) => {
    got.push([batch.count, at]);
    return new Promise(resolve => (taken = resolve));
  });
  await rows.deliver(10);
  t.deepEqual(got, [], 'no rows');
  rows.batch.count = 3;
  const delivering = rows.deliver(20);
  t.is(rows.batch.count, 3);
  taken();
  await delivering;
  t.deepEqual(got, [[3, 20]]);
  t.deepEqual([rows.batch.count, rows.count], [0, 3]);
});

test('one dump at a time; the next begins without the rows of one that failed', async t => {
  const rows = new DumpRows();
  rows.begin(() => Promise.reject(new Error('full')));
  t.is(t.throws(() => rows.begin(() => {}), { instanceOf: CtflowError }).code, 'CTFLOW_USAGE');
  rows.batch.count = 2;
  await t.throwsAsync(rows.deliver(1), { message: 'full' });
  rows.end();
  rows.begin(() => {});
  t.deepEqual([rows.batch.count, rows.count], [0, 0]);
});
