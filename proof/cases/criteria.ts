import { isNothing, type ConnectionCount } from '../balance.js';
import type { Finding } from '../case.js';
import type { Evidence } from '../scene.js';

export const NOTHING_LOST = 'missing 0, doubled 0';

/** What a run showed, and what of it is not as it must be. */
export function found(
  { balance, traffic, exporter, faults }: Evidence,
  failures: readonly string[],
  more: Partial<Finding> = {},
): Finding {
  return { ...balance, traffic, exporter, faults, failures, notes: [], ...more };
}

/** Failures where something is missing or doubled. */
export function nothingLost({ balance }: Evidence): string[] {
  return [...none('missing', balance.missing), ...none('doubled', balance.doubled)];
}

/** A failure where there is something of what there must not be. */
export function none(what: string, count: ConnectionCount): string[] {
  if (isNothing(count)) return [];
  return [`${what}: ${count.octets} octets, ${count.packets} packets, ${count.connections} connections`];
}

/** A failure where something does not hold. */
export function holds(condition: boolean, failure: string): string[] {
  return condition ? [] : [failure];
}
