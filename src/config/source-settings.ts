import type { Filter } from '../filter/filter.js';
import type { Masked } from '../row/filter.js';
import { STATUS_BITS } from '../row/conntrack.js';
import { AF_INET, protocolName } from '../row/protocol.js';
import { U16_MAX } from '../common/unsigned.js';
import { choice, type Kind, list, parsed, text, wholeNumber } from './kind.js';
import { defaulted, setting } from './setting.js';
import * as values from './values.js';

/** Settings of several commands. */
export const backendSetting = {
  backend: defaulted(
    'Source',
    choice('<name>', ['auto', 'native', 'fallback']),
    'auto',
    'native (Rust) or fallback (TypeScript); auto uses native where it is built',
  ),
};

export const netnsSetting = {
  netns: setting('Source', text('<name|path>'), 'read another network namespace (native only)'),
};

const family: Kind<2 | 10> = {
  form: '<4|6>',
  parse: values.family,
  write: family => (family === AF_INET ? 4 : 6),
  json: { enum: [4, 6, '4', '6', 'ipv4', 'ipv6'] },
  allowed: '4 or 6',
};

const mark: Kind<Masked> = {
  form: '<value[/mask]>',
  parse: values.masked,
  write: writeMasked,
  json: {
    anyOf: [
      { type: 'integer', minimum: 0 },
      { type: 'string', pattern: '^[\\dxa-fA-F]+(/[\\dxa-fA-F]+)?$' },
    ],
  },
  allowed: 'VALUE or VALUE/MASK',
};

const status: Kind<Masked> = {
  form: '<names|value/mask>',
  parse: values.status,
  write: writeMasked,
  json: { type: ['string', 'integer'] },
  allowed: `${[...STATUS_BITS.keys()].join(', ')}, with ! in front of what must not be`,
};

const protocol: Kind<number> = {
  form: '<name>',
  parse: values.protocol,
  write: protocolName,
  json: { type: ['string', 'integer'] },
  allowed: 'names, or numbers from 0 to 255',
};

/** An expression over the fields of connections or records. @param read makes a filter of a text */
export function filterExpression(read: (text: string) => Filter): Kind<Filter> {
  return {
    form: '<expression>',
    parse: read,
    write: filter => filter.text,
    json: { type: 'string', minLength: 1 },
    allowed: 'an expression over fields, such as protocol == tcp && bytes > 1MB',
  };
}

/** Where connections come from, and which. */
export const sourceSettings = {
  ...backendSetting,
  source: defaulted(
    'Source',
    parsed('<source>', 'kernel, procfs, ovs, ovs:DATAPATH or replay:FILE', values.source),
    'kernel',
    'kernel, procfs, ovs (Open vSwitch), or replay:FILE with a file of `ctflow record`',
  ),
  ...netnsSetting,
  family: setting('Source', family, 'only this address family'),
  zone: setting('Source', wholeNumber('<number>', 0, U16_MAX), 'only this conntrack zone'),
  mark: setting('Source', mark, 'only connections with this mark'),
  status: setting('Source', status, 'only connections with these status bits, e.g. ASSURED,!SRC_NAT'),
  protocolFilter: setting('Source', list('<names>', protocol), 'only these protocols, e.g. tcp,udp'),
};

function writeMasked({ value, mask }: Masked): string {
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}
