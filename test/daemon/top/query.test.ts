import test from 'ava';
import { CtflowError } from '../../../src/common/errors.js';
import { MOST_ROWS, parsePressureQuery, parseQuery } from '../../../src/daemon/top/query.js';

test('a query has defaults, and what is wrong in it is named', t => {
  t.deepEqual(parseQuery(undefined), {
    sort: 'bytes',
    reverse: false,
    group: 'none',
    filter: '',
    skip: 0,
    rows: 20,
    deniedRows: 0,
  });
  const wrong: readonly (readonly [query: object, what: RegExp])[] = [
    [{ sort: 'size' }, /wrong value for sort/],
    [{ group: 1 }, /wrong value for group/],
    [{ reverse: 'yes' }, /wrong value for reverse/],
    [{ filter: 7 }, /wrong value for filter/],
    [{ rows: -1 }, /wrong value for skip and rows/],
    [{ skip: MOST_ROWS, rows: 1 }, /wrong value for skip and rows/],
    [{ deniedRows: 1.5 }, /wrong value for deniedRows/],
    [{ filter: 'bytes >> 3' }, /column 8/],
  ];
  for (const [query, message] of wrong) t.throws(() => parseQuery(query), { instanceOf: CtflowError, message });
});

test('a look at who fills the table has a number of rows', t => {
  t.deepEqual(parsePressureQuery(undefined), { rows: 10 });
  t.deepEqual(parsePressureQuery({ rows: MOST_ROWS }), { rows: MOST_ROWS });
  for (const rows of [-1, 1.5, MOST_ROWS + 1, 'all'])
    t.throws(() => parsePressureQuery({ rows }), { instanceOf: CtflowError, message: /wrong value for rows/ });
});
