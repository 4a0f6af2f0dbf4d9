import test from 'ava';
import { Allowance } from '../../../src/daemon/recorder/allowance.js';

test('what is spent too much is paid for before anything else, and no more is saved than the bound', t => {
  let now = 0;
  const allowance = new Allowance(100, 2, () => now);
  now = 1_000_000; // long idle
  t.true(allowance.isOpen);
  allowance.spend(500);
  t.false(allowance.isOpen);
  now += 2_900;
  t.false(allowance.isOpen);
  now += 200;
  t.true(allowance.isOpen);
});
