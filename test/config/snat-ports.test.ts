import test from 'ava';
import { portsOf, snatPortsSetting } from '../../src/config/snat-ports.js';
import { about } from '../../src/config/setting.js';
import { CtflowError } from '../../src/common/errors.js';
import { eachMistake } from '../helpers/rigs/broken-file.js';

const { kind } = about(snatPortsSetting.snatPorts);

test('ranges of ports as a flag has them, and as they are written again', t => {
  const all = kind.parse('1024-65535,203.0.113.1=20000-20999, 2001:DB8:0::1/128 = 7-7,203.0.113.16/28=1-2');
  t.deepEqual(all, [
    { ports: { from: 1_024, to: 65_535 } },
    { external: '203.0.113.1', ports: { from: 20_000, to: 20_999 } },
    { external: '2001:db8::1', ports: { from: 7, to: 7 } },
    { external: '203.0.113.16/28', ports: { from: 1, to: 2 } },
  ]);
  const written = kind.write(all) as string[];
  t.deepEqual(written, ['1024-65535', '203.0.113.1=20000-20999', '2001:db8::1=7-7', '203.0.113.16/28=1-2']);
  t.deepEqual(kind.parse(written.join(',')), all);
  t.deepEqual(kind.parse(kind.entry!('others', '5-6')), [{ ports: { from: 5, to: 6 } }]);
});

test('an address has the ports of the longest prefix that holds it, else those of all', t => {
  const read = (text: string) => kind.parse(text) as Parameters<typeof portsOf>[0];
  const all = read('203.0.113.0/24=3-3,1-1,203.0.113.7=4-4,203.0.0.0/16=2-2,2001:db8::/32=6-6');
  const from = (external: string): number | undefined => portsOf(all, external)?.from;
  t.deepEqual(['192.0.2.1', '203.0.9.9', '203.0.113.9', '203.0.113.7'].map(from), [1, 2, 3, 4]);
  t.deepEqual(['2001:db8::9', '2001:db9::9'].map(from), [6, 1]);
  t.is(portsOf(read('0.0.0.0/0=5-5'), '192.0.2.1')?.from, 5);
  t.is(portsOf(read('0.0.0.0/0=5-5'), '::1'), undefined);
  t.is(portsOf([], '192.0.2.1'), undefined);
});

test('what is no range of ports is refused', t => {
  for (const text of ['', '1024', '0-5', '9-8', '1-65536', '1-2-3', 'a-b'])
    t.throws(() => kind.parse(text), { instanceOf: CtflowError, message: `'${text}' is not a range of ports` });
  t.throws(() => kind.parse('203.0.113.1/24=1-2'), { message: "'203.0.113.1/24' is not an address or a prefix" });
  t.is(kind.most, 256);
});

eachMistake([
  [
    'ports of translated sources',
    `
flowCollectorAddr: udp://h:1
snatPorts:
  203.0.113.1: 20000-20999
  203.0.113.2: 20999-20000
  203.0.113.3: [1-2]
  gateway: 1024-65535
  others: 1024-65536
`,
    [
      "4:16: snatPorts.203.0.113.2: '20999-20000' is not a range of ports. Write the first and the last: 1024-65535, or ADDRESS=1024-65535 for one address or prefix",
      '5:16: snatPorts.203.0.113.3: this is not a range of ports. Write the first and the last: 1024-65535, or ADDRESS=1024-65535 for one address or prefix',
      "6:12: snatPorts.gateway: 'gateway' is not an address or a prefix. Write one that sources are translated to, without bits behind a length: 203.0.113.1, 203.0.113.0/28 or 2001:db8::1",
      "7:11: snatPorts.others: '1024-65536' is not a range of ports. Write the first and the last: 1024-65535, or ADDRESS=1024-65535 for one address or prefix",
    ],
  ],
  [
    'two ranges for one address',
    `
flowCollectorAddr: udp://h:1
snatPorts: [1024-65535, 2001:db8::1=1-2, '2001:DB8::1=3-4', 5-6]
`,
    [
      "2:42: snatPorts[2]: '2001:db8::1' is given twice. Give it once",
      "2:61: snatPorts[3]: 'others' is given twice. Give it once",
    ],
  ],
]);
