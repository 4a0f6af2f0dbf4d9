import test from 'ava';
import { humanCount, humanOctets } from '../../../src/cli/demo/units.js';

test('octets have three digits and a unit, and never a thousand of one', t => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [12_345_678, '12.3 MB'],
    [5e12, '5.00 TB'],
    [5e15, '5000 TB'],
  ];
  for (const [octets, text] of cases) t.is(humanOctets(octets), text);
});

test('counts below a thousand are whole', t => {
  t.is(humanCount(7), '7');
  t.is(humanCount(12_345), '12.3 k');
});
