import test from 'ava';
import { hostObservationDomain } from '../../src/common/host.js';

test('the host has one observation domain: 32 bits, never 0, the same each time', t => {
  const domain = hostObservationDomain();
  t.true(Number.isInteger(domain) && domain > 0 && domain <= 0xffff_ffff);
  t.is(hostObservationDomain(), domain);
});
