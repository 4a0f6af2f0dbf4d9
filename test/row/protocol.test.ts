import test from 'ava';
import { protocolName, protocolNumber } from '../../src/row/protocol.js';

test('protocol names and numbers convert both ways', t => {
  for (const [name, number] of Object.entries({ tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132, gre: 47 })) {
    t.is(protocolNumber(name), number);
    t.is(protocolNumber(name.toUpperCase()), number);
    t.is(protocolName(number), name);
  }
  t.is(protocolNumber('99'), 99);
  t.is(protocolName(99), '99');
});

test('an unknown protocol has no number', t => {
  for (const text of ['', 'tpc', '256', '-1', '1.5', '0x6', 'constructor']) t.is(protocolNumber(text), undefined, text);
});
