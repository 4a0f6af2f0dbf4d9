import test from 'ava';
import * as values from '../../src/config/values.js';
import { CtflowError } from '../../src/common/errors.js';

const good: [string, (text: string) => unknown, string, unknown][] = [
  ['wholeNumber', values.wholeNumber(0, 10), '0', 0],
  ['wholeNumber', values.wholeNumber(0, 10), '10', 10],
  ['wholeNumber', values.wholeNumber(0, 255), '0xFF', 255],
  ['wholeNumber', values.wholeNumber(0, 10), '007', 7],
  ['numberOr', values.numberOr(1, 10, ['off']), '10', 10],
  ['numberOr', values.numberOr(1, 10, ['off']), 'off', 'off'],
  ['duration', values.duration('10ms', '24h'), '10ms', 10],
  ['duration', values.duration('10ms', '24h'), '24h', 86_400_000],
  ['duration', values.duration('0s', '24h'), '0s', 0],
  ['natEvents', values.natEvents, '200,201', [200, 201]],
  ['interfaces', values.interfaces, 'none', 'none'],
  ['interfaces', values.interfaces, 'route', 'route'],
  ['interfaces', values.interfaces, '2,4294967295', { ingress: 2, egress: 0xffff_ffff }],
  ['masked', values.masked, '5', { value: 5, mask: 0xffff_ffff }],
  ['masked', values.masked, '0xffffffff', { value: 0xffff_ffff, mask: 0xffff_ffff }],
  ['masked', values.masked, '0x80000000/0x80000000', { value: 0x8000_0000, mask: 0x8000_0000 }],
  ['masked', values.masked, '0/0', { value: 0, mask: 0 }],
  ['status', values.status, 'ASSURED', { value: 4, mask: 4 }],
  ['status', values.status, 'assured,!SRC_NAT', { value: 4, mask: 4 | 16 }],
  ['status', values.status, 'ASSURED,ASSURED', { value: 4, mask: 4 }],
  ['status', values.status, '0x4/0x14', { value: 4, mask: 0x14 }],
  ['status', values.status, '6', { value: 6, mask: 0xffff_ffff }],
  ['protocol', values.protocol, 'UDP', 17],
  ['protocol', values.protocol, ' 47', 47],
  ['durationOrNone', values.durationOrNone('1s', '24h'), '0s', 0],
  ['durationOrNone', values.durationOrNone('1s', '24h'), '1s', 1000],
  ['source', values.source, 'replay:x', 'replay:x'],
  ['family', values.family, '4', 2],
  ['family', values.family, 'IPv6', 10],
  ['collectorAddress', values.collectorAddress, 'udp://[::1]:1', { protocol: 'udp', host: '::1', port: 1 }],
  ['collectorAddress', values.collectorAddress, 'file:///a/b%20c.ipfix', { protocol: 'file', path: '/a/b c.ipfix' }],
  ['collectorAddress', values.collectorAddress, 'FILE:///a/../b', { protocol: 'file', path: '/b' }],
  ['listenAddress', values.listenAddress, '127.0.0.1:9469', { host: '127.0.0.1', port: 9469 }],
  ['listenAddress', values.listenAddress, '[::1]:0', { host: '::1', port: 0 }],
];
for (const [name, parse, text, expected] of good) {
  test(`${name} reads '${text}'`, t => {
    t.deepEqual(parse(text), expected);
  });
}

const bad: [string, (text: string) => unknown, string[]][] = [
  [
    'wholeNumber 1 to 10',
    values.wholeNumber(1, 10),
    ['', '0', '11', '-1', '1.5', '1e1', ' 5', '5 ', '0x', 'NaN', 'Infinity', '99999999999999999999'],
  ],
  ['numberOr', values.numberOr(1, 10, ['off']), ['', '0', '11', 'on', 'Off', '-1', '1k']],
  ['duration', values.duration('10ms', '24h'), ['', '5', '9ms', '24h1ms', '-1s', '1e3s', '99999999999999999999d']],
  [
    'masked',
    values.masked,
    ['', '/', '1/', '/1', '1/2/3', '-1', '0x100000000', '1/0x100000000', '3/1', '0x80000000/1', 'x'],
  ],
  [
    'status',
    values.status,
    ['', '!', 'ASSURED,', 'NOTHING', '!!ASSURED', 'ASSURED,!ASSURED', '!ASSURED,ASSURED', '0x5/0x4', 'xyz'],
  ],
  ['protocol', values.protocol, ['', ',', 'tcp,', '256', '-1', 'tcp udp', '1.5', 'constructor']],
  ['durationOrNone', values.durationOrNone('1s', '24h'), ['', '0', '1ms', '999ms', '25h']],
  ['source', values.source, ['', 'pcap', 'replay:', 'Kernel']],
  [
    'interfaces',
    values.interfaces,
    ['', 'None', 'routes', 'route,1', '1', '1,', ',1', '0,1', '1,0', '1,2,3', '1,4294967296', '1,-1', '1,eth0'],
  ],
  ['natEvents', values.natEvents, ['', '4', '4,', '4,4', '0,5', '4,256', '4,5,6', '-4,5', '4, 5']],
  ['family', values.family, ['', '5', '46', 'ipv', 'inet']],
  [
    'listenAddress',
    values.listenAddress,
    ['', '9469', ':9469', 'localhost:9469', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '::1:9469', '[127.0.0.1]:1'],
  ],
  ['aggregateKey', values.aggregateKey, ['', 'Src', 'bytes', 'src.pod', 'constructor']],
  ['collectorAddress', values.collectorAddress, ['', 'udp://', 'udp://h:0', '[::1]:0', 'http://h', '::1', 'h:65536']],
  [
    'collectorAddress',
    values.collectorAddress,
    ['file:', 'file://', 'file:///', 'file:///a/', 'file://a', 'file:a', 'file://h/a', 'file:///a#b', 'file:///%00'],
  ],
];
for (const [name, parse, texts] of bad) {
  for (const text of texts) {
    test(`${name} refuses '${text}' as a usage error, with a hint`, t => {
      const error = t.throws(() => parse(text), { instanceOf: CtflowError });
      t.is(error.code, 'CTFLOW_USAGE');
      t.true(error.hint.length > 0);
    });
  }
}
