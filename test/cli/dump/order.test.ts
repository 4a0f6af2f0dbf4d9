import test from 'ava';
import { type OrderName, orderBy } from '../../../src/cli/dump/order.js';
import { rows, type Facts } from '../../helpers/builders/rows.js';

/** Names by letters in the order of each. */
const CONNECTIONS: Readonly<Record<string, Facts>> = {
  a: { source: '2001:db8::9', destination: '2001:db8::1', protocol: 17, sourcePort: 5, timeout: 30 },
  b: {
    source: '192.0.2.10',
    destination: '192.0.2.1',
    protocol: 6,
    sourcePort: 9,
    state: 3,
    counters: [2n ** 33n, 1, 0, 2n ** 40n],
    start: 2_000_000_000n,
    timeout: 5,
  },
  c: {
    source: '192.0.2.9',
    destination: '192.0.2.200',
    protocol: 6,
    sourcePort: 4,
    state: 8,
    counters: [7, 2n ** 39n, 9, 5],
    start: 1_000_000_000n,
  },
};
const EXPECTED: Readonly<Record<OrderName, string>> = {
  bytes: 'bca',
  packets: 'bca',
  age: 'cba',
  timeout: 'bac',
  state: 'cba', // CLOSE, ESTABLISHED, none
  protocol: 'bca',
  src: 'cba',
  dst: 'bca',
};
/** Of those that have the fact; the others stay last. */
const REVERSED: Partial<Record<OrderName, string>> = { bytes: 'cba', timeout: 'abc', state: 'bca', dst: 'acb' };

for (const [name, expected] of Object.entries(EXPECTED) as [OrderName, string][]) {
  test(`connections by ${name}`, t => {
    const names = Object.keys(CONNECTIONS);
    const batch = rows(...Object.values(CONNECTIONS));
    const inOrder = (reverse: boolean): string =>
      names
        .toSorted((one, other) => orderBy(name, reverse)(batch, names.indexOf(one), batch, names.indexOf(other)))
        .join('');
    t.is(inOrder(false), expected);
    if (REVERSED[name] !== undefined) t.is(inOrder(true), REVERSED[name]);
  });
}
