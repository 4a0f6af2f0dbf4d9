import test from 'ava';
import * as shape from '../../src/ipfix/shape.js';
import { templateName } from '../../src/ipfix/template-name.js';

test('a template is named by its profile, its id and what its records have', t => {
  t.is(templateName('standard', 768, shape.PORTS | shape.COUNTERS), 'standard 768 (IPv4, ports)');
  const bits = shape.IPV6 | shape.REVERSED | shape.ICMP | shape.SOURCE_NAT | shape.ZONE | shape.MARK | shape.ID;
  t.is(templateName('standard', 999, bits), 'standard 999 (IPv6, reply direction, ICMP, NAT, zone, mark)');
  const rest = shape.HELPER | shape.SERVICE | shape.TCP_HISTORY | shape.DENIED;
  t.is(templateName('antrea', 519, rest), 'antrea 519 (IPv4, helper, service, TCP states, denied)');
});
