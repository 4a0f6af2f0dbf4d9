import { Buffer } from 'node:buffer';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { compileRecordFilter, recordFilter } from '../../../src/collector/record-filter.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import type { Place } from '../../../src/filter/fields.js';
import { FIELDS } from '../../../src/filter/fields.js';
import { Filter } from '../../../src/filter/filter.js';
import { RICH } from '../../helpers/builders/rich-messages.js';
import { allow } from '../allowed.js';
import type { Target } from '../target.js';

const session = new TransportSession('udp://192.0.2.1:4000', 'tcp');
const records = RICH.flatMap(bytes => decodeMessage(bytes, session).records);

/** The input is a filter's text. */
const target: Target = {
  covers: ['/dist/filter/', '/dist/collector/record-filter'],
  seeds: () =>
    [
      'protocol == tcp && bytes > 1MB && !(src in 10.0.0.0/8)',
      'mark & 0xf0 == 0x10 || zone == 3',
      'dst.port in (53, 853, 8000-8999) and age > 1h',
      'status & ASSURED && !offloaded',
      'src in 10.0.0.1-10.0.0.9 or not (dst == 2001:db8::1) && helper in ("ftp", sip)',
      'octetDeltaCount >= 1.5GB && interfaceName != "two words"',
    ].map(text => Buffer.from(text)),
  words: [
    ...FIELDS.keys(),
    '==',
    '!=',
    '<',
    '<=',
    '>',
    '>=',
    '&&',
    '||',
    '!',
    '(',
    ')',
    ',',
    '-',
    '&',
    '|',
    ' in ',
    ' and ',
    ' or ',
    ' not ',
    '"',
    '\\',
    'tcp',
    '0x',
    '10.0.0.0/8',
    '::/0',
    '::ffff:1.2.3.4',
    '1KiB',
    '1.5GB',
    '1m30s',
    '1e9',
    'ESTABLISHED',
    'ASSURED',
    '18446744073709551616',
  ],
  run: input => {
    const text = Buffer.from(input).toString('utf8');
    for (const place of ['dump', 'run', 'collect'] satisfies Place[]) {
      try {
        new Filter(text, place).compile(() => () => true)(undefined);
        new Filter(text, place).split(() => () => false);
      } catch (error) {
        allow(error, 'CTFLOW_USAGE');
      }
    }
    try {
      const matches = compileRecordFilter(recordFilter(text));
      for (const record of records) if (typeof matches(record) !== 'boolean') throw new Error('neither yes nor no');
    } catch (error) {
      allow(error, 'CTFLOW_USAGE');
    }
  },
};
export default target;
