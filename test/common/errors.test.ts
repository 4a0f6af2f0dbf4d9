import test from 'ava';
import { CtflowError, describeError, errnoOf } from '../../src/common/errors.js';

test('an error has its code, what failed and what to do', t => {
  const cause = new Error('below');
  const error = new CtflowError('CTFLOW_ADDRESS', 'No such host', 'Check the name', cause);
  t.is(describeError(error), 'CTFLOW_ADDRESS: No such host. Check the name');
  t.is(error.cause, cause);
  t.false('cause' in new CtflowError('CTFLOW_ADDRESS', 'No such host', 'Check the name'));
});

test('another error shows where it comes from', t => {
  t.regex(describeError(new TypeError('oops')), /TypeError: oops\n +at /);
  t.is(describeError('text'), 'text');
});

test('the errno of a system error, and nothing for others', t => {
  t.is(errnoOf(Object.assign(new Error('x'), { code: 'ECONNREFUSED' })), 'ECONNREFUSED');
  for (const other of [new Error('x'), null, undefined, { code: 5 }]) t.is(errnoOf(other), '');
});

test('memory and descriptors that ran out are said in one line', t => {
  const memory = t.throws(() => new Uint8Array(2 ** 53 - 1), { instanceOf: RangeError });
  t.regex(describeError(memory), /^CTFLOW_LIMIT: There is not enough memory \(.+\)\. Lower --max-connections/);
  const files = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  t.regex(describeError(files), /^CTFLOW_LIMIT: Too many open files .+\(ulimit -n\)$/);
});
