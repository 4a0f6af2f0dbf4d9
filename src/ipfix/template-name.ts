import { FIRST_DETAIL } from './details.js';
import type { Profile } from './profile.js';
import * as shape from './shape.js';

/** What the bits of a shape are called. */
const NAMES: readonly (readonly [bit: number, name: string])[] = [
  [shape.IPV6, 'IPv6'],
  [shape.REVERSED, 'reply direction'],
  [shape.PORTS, 'ports'],
  [shape.ICMP, 'ICMP'],
  [shape.SOURCE_NAT | shape.DESTINATION_NAT, 'NAT'],
  [shape.ZONE | shape.REPLY_ZONE, 'zone'],
  [shape.MARK, 'mark'],
  [shape.HELPER, 'helper'],
  [shape.SERVICE, 'service'],
  [shape.TCP_HISTORY, 'TCP states'],
  [shape.DENIED, 'denied'],
];

/** A template as the log and the statistics name it: `standard 7689 (IPv6, ports, NAT)`. */
export function templateName({ name, details }: Pick<Profile, 'name' | 'details'>, id: number, bits: number): string {
  const own = details.map((detail, i): [number, string] => [1 << (FIRST_DETAIL + i), detail.name]);
  const facts = [...NAMES, ...own].flatMap(([bit, name]) => (bits & bit ? [name] : []));
  if (!(bits & shape.IPV6)) facts.unshift('IPv4');
  return `${name} ${id} (${facts.join(', ')})`;
}
