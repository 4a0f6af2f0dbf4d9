import test from 'ava';
import { Allowance } from '../../src/daemon/allowance.js';

test('what is spent too much is paid for before anything else, and no more is saved than the bound', t => {
  let now = 0;
  const allowance = new Allowance(100, 2, () => now);
  now = 1_000_000; // long idle
  t.true(allowance.isOpen);
  t.is(allowance.wait, 0);
  allowance.spend(500);
  t.is(allowance.wait, 3_000);
  t.false(allowance.isOpen);
  now += 2_900;
  t.is(allowance.wait, 100);
  t.false(allowance.isOpen);
  now += 200;
  t.true(allowance.isOpen);
});
