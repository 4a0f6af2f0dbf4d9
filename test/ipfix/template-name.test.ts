import test from 'ava';
import { FIRST_DETAIL } from '../../src/ipfix/details.js';
import * as shape from '../../src/ipfix/shape.js';
import { templateName } from '../../src/ipfix/template-name.js';

test('a template is named by its profile, its id and what its records have', t => {
  const standard = { name: 'standard', details: [] } as const;
  t.is(templateName(standard, 768, shape.PORTS | shape.COUNTERS), 'standard 768 (IPv4, ports)');
  const bits = shape.IPV6 | shape.REVERSED | shape.ICMP | shape.SOURCE_NAT | shape.ZONE | shape.MARK | shape.ID;
  t.is(templateName(standard, 999, bits), 'standard 999 (IPv6, reply direction, ICMP, NAT, zone, mark)');
  const rest = shape.HELPER | shape.SERVICE | shape.TCP_HISTORY | shape.DENIED;
  t.is(
    templateName({ name: 'antrea', details: [] }, 519, rest),
    'antrea 519 (IPv4, helper, service, TCP states, denied)',
  );
  const details = ['source pod', 'TCP state'].map(name => ({ test: 0, argument: 1, name }));
  const own = { name: 'standard', details } as const;
  t.is(templateName(own, 65_024, 2 << FIRST_DETAIL), 'standard 65024 (IPv4, TCP state)');
});
