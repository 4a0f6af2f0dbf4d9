import test from 'ava';
import { formatDestination, parseDestination } from '../../src/common/destination-endpoint.js';

for (const [text, written] of [
  ['file:///var/log/flows.ipfix', 'file:///var/log/flows.ipfix'],
  ['FILE:///var/./log//flows.ipfix', 'file:///var/log/flows.ipfix'],
  ['file:///a b/%23', 'file:///a%20b/%23'],
  ['file:///a,b', 'file:///a%2Cb'],
  ['tcp://h:1', 'tcp://h:1'],
] as const) {
  test(`${text} is ${written}`, t => {
    t.is(formatDestination(parseDestination(text)), written);
    t.deepEqual(parseDestination(written), parseDestination(text));
  });
}

test('a file without three slashes, or that is a folder, is a usage error that says how to write it', t => {
  for (const text of ['file://flows.ipfix', 'file:flows.ipfix', 'file:///folder/', 'file:///a?b']) {
    const error = t.throws(() => parseDestination(text), { code: 'CTFLOW_USAGE' }) as Error & { hint: string };
    t.true(error.message.includes(`'${text}'`));
    t.regex(error.hint, /file:\/\/\/PATH\/NAME/);
  }
});

test('the hint for what is neither a collector nor a file names both', t => {
  const { hint } = t.throws(() => parseDestination('flie:///var/log/flows.ipfix')) as Error & { hint: string };
  t.regex(hint, /udp:\/\/HOST:PORT.+file:\/\/\/PATH\/NAME/);
});
