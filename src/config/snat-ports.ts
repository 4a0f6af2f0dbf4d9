import { SocketAddress } from 'node:net';
import { CtflowError } from '../common/errors.js';
import { parseAddress, parsePrefix } from '../common/prefix.js';
import { U16_MAX } from '../common/unsigned.js';
import { type Kind, list } from './kind.js';
import { setting } from './setting.js';

/** Ports from which that of a translated source is taken, the last one among them. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** The ports that sources get which are translated to an address. */
export interface SnatPorts {
  /** An address or a prefix; absent for all that are not among others. */
  readonly external?: string;
  readonly ports: PortRange;
}

/** Addresses at most: each line that is shown is held against all of them. */
const MOST_ADDRESSES = 256;
/** In a map of the file, what has no address. */
const OTHERS = 'others';
const HINT = 'Write the first and the last: 1024-65535, or ADDRESS=1024-65535 for one address or prefix';

/** `1024-65535`, `203.0.113.1=20000-20999` */
const item: Kind<SnatPorts> = {
  form: '<[address=]from-to...>',
  parse: text => {
    const [, address, range] = /^(?:([^=]*)=)?(.*)$/.exec(text)!;
    const ports = rangeOf(range.trim());
    const where = address?.trim();
    return where === undefined || where === OTHERS ? { ports } : { external: externalOf(where), ports };
  },
  write: ({ external, ports: { from, to } }) => `${external === undefined ? '' : `${external}=`}${from}-${to}`,
  json: { type: 'string', pattern: '^([^=]+=)?\\d+-\\d+$' },
  allowed: `FROM-TO, or ADDRESS=FROM-TO; or a map of them, where ${OTHERS} are those without an address of their own`,
};

const snatPorts: Kind<SnatPorts[]> = {
  ...list(item.form, item, ({ external = OTHERS }) => external),
  json: {
    anyOf: [
      {
        type: 'object',
        minProperties: 1,
        additionalProperties: { type: 'string', pattern: '^\\d+-\\d+$' },
      },
      { type: 'array', items: item.json, minItems: 1 },
      item.json,
    ],
  },
  allowed: item.allowed,
  most: MOST_ADDRESSES,
  entry: (key, value) => {
    if (typeof value !== 'object') return `${key}=${String(value)}`;
    throw new CtflowError('CTFLOW_USAGE', 'this is not a range of ports', HINT);
  },
};

/** Of all commands that say which ports are free. */
export const snatPortsSetting = {
  snatPorts: setting(
    'Source',
    snatPorts,
    'ports that translated sources get, of all external addresses or of each, for forecasts: 20000-20999, 203.0.113.1=1024-65535',
  ),
};

/** The ports of an external address by the settings: those of the longest prefix. */
export function portsOf(all: readonly SnatPorts[], external: string): PortRange | undefined {
  const address = parseAddress(external);
  let [found, length]: [PortRange | undefined, number] = [undefined, -1];
  for (const { external: text, ports } of all) {
    const prefix = text === undefined ? undefined : parsePrefix(text);
    const holds =
      !prefix || (prefix.family === address?.family && prefix.first <= address.first && address.first <= prefix.last);
    const specific = prefix?.length ?? -0.5;
    if (holds && specific > length) [found, length] = [ports, specific];
  }
  return found;
}

function rangeOf(text: string): PortRange {
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  if (range.from >= 1 && range.from <= range.to && range.to <= U16_MAX) return range;
  throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a range of ports`, HINT);
}

/** As no other way of writing has it. */
function externalOf(text: string): string {
  const prefix = parsePrefix(text);
  if (!prefix)
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${text}' is not an address or a prefix`,
      'Write one that sources are translated to, without bits behind a length: 203.0.113.1, 203.0.113.0/28 or 2001:db8::1',
    );
  const [address, length] = text.split('/');
  const { address: plain } = new SocketAddress({ address, family: prefix.family === 4 ? 'ipv4' : 'ipv6' });
  return length === undefined || Number(length) === (prefix.family === 4 ? 32 : 128)
    ? plain
    : `${plain}/${Number(length)}`;
}
