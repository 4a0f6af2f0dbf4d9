import test from 'ava';
import { CaseClock } from '../../../bench/workload/clock.js';

test('the clock of a case stands still while it rests, and goes on from there', t => {
  const clock = new CaseClock();
  clock.take();
  clock.forward(5_000);
  const at = performance.now();
  const real = process.hrtime.bigint();
  clock.rest();
  while (process.hrtime.bigint() - real < 50_000_000n);
  clock.take();
  const passed = performance.now() - at;
  t.true(Number(process.hrtime.bigint() - real) / 1e6 - passed >= 49);
});
