import { FIRST_DATA_SET } from './message.js';
import type { Profile } from './profile.js';
import * as shape from './shape.js';

/** The ids of templates are fixed: whoever sends one, and in whatever order, means the same template. Options have the first 256. */
const ANTREA = FIRST_DATA_SET + 256;
const STANDARD = ANTREA + 256;
/** {@link counters} are below this. */
const COUNTERS = 8;

/**
 * The template id of a shape. Shapes whose templates have the same fields have the same id; any others have different ones.
 * @param kind a shape, only bits of `profile.shapes`
 */
export function templateId({ name, uniflows }: Pick<Profile, 'name' | 'uniflows'>, kind: number): number {
  if (name === 'antrea') return ANTREA + number(kind, [shape.IPV6, shape.TCP_HISTORY, shape.DENIED]);
  const transport = kind & shape.PORTS ? (kind & shape.ICMP ? 3 : 1) : kind & shape.ICMP ? 2 : 0;
  const zone = (kind & shape.ZONE ? 1 : 0) + (kind & shape.REPLY_ZONE ? 2 : 0);
  const nat = kind & (shape.SOURCE_NAT | shape.DESTINATION_NAT) ? 1 : 0;
  const flags = number(kind, [shape.IPV6, shape.HELPER, shape.DENIED, shape.MARK, shape.ID, shape.TCP_HISTORY]);
  return STANDARD + ((((flags * 2 + nat) * 4 + transport) * 4 + zone) * COUNTERS + counters(uniflows, kind));
}

/** Which counters, and how the reply direction is exported. */
function counters(uniflows: boolean, kind: number): number {
  const here = kind & (kind & shape.REVERSED ? shape.REPLY_COUNTERS : shape.COUNTERS) ? 1 : 0;
  if (uniflows) return 4 + here;
  return here + (kind & shape.REPLY_COUNTERS ? 2 : 0);
}

/** The bits of a shape as a number without gaps. */
function number(kind: number, bits: readonly number[]): number {
  return bits.reduce((sum, bit, i) => sum + (kind & bit ? 1 << i : 0), 0);
}
