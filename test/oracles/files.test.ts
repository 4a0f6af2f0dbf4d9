import test from 'ava';
import type { Element } from '../../src/ipfix/element.js';
import { readWithIpfixDump } from '../helpers/oracles/ipfix-dump.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import { needs } from '../helpers/kernel/require.js';
import { ENTERPRISES, message, readings, STANDARD, statistics, STATISTICS_READING } from './literal.js';

const TAUGHT: readonly Element[] = [
  { name: 'mark', enterprise: 21373, id: 4, type: 'unsigned32' },
  { name: 'tcpState', enterprise: 56506, id: 136, type: 'string' },
];
const PEERS = [
  ['ipfixDump', readWithIpfixDump],
  ['python3-ipfix', readWithPython],
] as const;

for (const [name, read] of PEERS) {
  const peer = needs(test, [name]);

  peer(`${name} reads every element of the profile standard by name`, async t => {
    t.deepEqual(await read(message(STANDARD)), readings(STANDARD));
  });

  peer(`${name} reads enterprise elements that it has definitions of`, async t => {
    t.deepEqual(await read(message(ENTERPRISES), TAUGHT), readings(ENTERPRISES));
  });

  peer(`${name} reads messages one after another, options data among them`, async t => {
    const stream = Buffer.concat([message(STANDARD.slice(0, 1), 0), statistics(1), message(STANDARD.slice(2, 3), 2)]);
    const expected = readings([STANDARD[0], STANDARD[2]]);
    t.deepEqual(await read(stream), [expected[0], STATISTICS_READING, expected[1]]);
  });

  peer(`${name} refuses a message whose version is not 10`, async t => {
    const wrong = message(STANDARD);
    wrong[1] = 9;
    await t.throwsAsync(read(wrong));
  });
}
