import { FIRST_DATA_SET } from './message.js';
import { NANOSECONDS, NAT_EVENT } from './profile-nat.js';
import type { Profile } from './profile.js';
import * as shape from './shape.js';

/** The ids of templates are fixed: whoever sends one, and in whatever order, means the same template. Options have the first 256. */
const ANTREA = FIRST_DATA_SET + 256;
const NAT_EVENTS = ANTREA + 128;
const STANDARD = ANTREA + 256;
/** Behind all those of `standard`. */
const LIST = 65_024;

/** The ways of {@link interfacesOf}, {@link transportOf}, {@link zoneOf} and {@link countersOf}. */
const INTERFACES = 4;
const TRANSPORTS = 4;
const ZONES = 3;
const COUNTERS = 5;

const FLAGS = [
  shape.IPV6,
  shape.HELPER,
  shape.DENIED,
  shape.MARK,
  shape.ID,
  shape.SOURCE_NAT | shape.DESTINATION_NAT,
  shape.LONG,
  shape.ONE_END_LOCAL,
];

/** Where the reply direction has elements of its own, a bit that these profiles have no other use for. */
const REPLY_ELEMENTS = shape.ONE_END_LOCAL;

/**
 * The template id of a shape. Shapes whose templates have the same fields have the same id; any others have different ones.
 * @param shapeBits a shape of a row, only bits of `profile.shapes`
 */
export function templateId(
  { name, uniflows, directed, numberOf }: Pick<Profile, 'name' | 'uniflows' | 'directed' | 'numberOf'>,
  shapeBits: number,
): number {
  if (numberOf) return LIST + numberOf(shapeBits);
  const kind = directed && shapeBits & shape.REVERSED ? shapeBits | REPLY_ELEMENTS : shapeBits;
  if (name === 'nat' && kind & NAT_EVENT) {
    const ways = number(kind, [shape.IPV6, NANOSECONDS]) * TRANSPORTS + transportOf(kind);
    return NAT_EVENTS + ways * ZONES + zoneOf(kind);
  }
  if (name === 'antrea') return ANTREA + number(kind, [shape.IPV6, shape.TCP_HISTORY, shape.DENIED]);
  const known = number(kind, FLAGS) * INTERFACES + interfacesOf(kind);
  const ways = (known * TRANSPORTS + transportOf(kind)) * ZONES + zoneOf(kind);
  return STANDARD + ways * COUNTERS + countersOf(uniflows, kind);
}

/** Which elements of interfaces; where the reply direction comes in, the original one goes out. */
function interfacesOf(kind: number): number {
  const [ingress, egress] = kind & shape.REVERSED ? [shape.EGRESS, shape.INGRESS] : [shape.INGRESS, shape.EGRESS];
  return number(kind, [ingress, egress]);
}

/** What stands in place of ports. Only TCP has states, and TCP has ports. */
function transportOf(kind: number): number {
  if (kind & shape.ICMP) return 1;
  // a list of elements may have the states, and not the ports
  if (kind & shape.TCP_HISTORY) return 3;
  return kind & shape.PORTS ? 2 : 0;
}

function zoneOf(kind: number): number {
  return kind & shape.ZONE ? 1 : kind & shape.REPLY_ZONE ? 2 : 0;
}

/** Which counters, and how the reply direction is exported. No reply direction counts without the original one. */
function countersOf(uniflows: boolean, kind: number): number {
  const has = kind & (kind & shape.REVERSED ? shape.REPLY_COUNTERS : shape.COUNTERS) ? 1 : 0;
  if (uniflows) return 3 + has;
  return kind & shape.REPLY_COUNTERS ? 2 : has;
}

/** The bits of a shape as a number without gaps. */
function number(kind: number, bits: readonly number[]): number {
  return bits.reduce((sum, bit, i) => sum + (kind & bit ? 1 << i : 0), 0);
}
