import test from 'ava';
import { STATUS_BITS, statusNames } from '../../src/row/conntrack.js';

test('the bits are those of enum ip_conntrack_status', t => {
  t.is(STATUS_BITS.get('SEEN_REPLY'), 2);
  t.is(STATUS_BITS.get('ASSURED'), 4);
  t.is(STATUS_BITS.get('SRC_NAT'), 16);
  t.is(STATUS_BITS.get('DST_NAT'), 32);
  t.is(STATUS_BITS.get('OFFLOAD'), 0x4000);
});

test('a status is shown by the names of its bits', t => {
  t.deepEqual(statusNames(0), []);
  t.deepEqual(statusNames(2 | 4 | 8 | 0x80), ['SEEN_REPLY', 'ASSURED', 'CONFIRMED']);
});
