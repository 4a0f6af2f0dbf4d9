import type { StoreCounts } from '../store/stored-connections.js';
import type { Unexported } from '../store/unexported.js';
import type { ConntrackEvents, EventStats } from './conntrack-events.js';

/**
 * What was lost of connections before the store had it: events, of this network namespace and of those before, and what was counted
 * before counters were set to zero, of which packets and octets are not known.
 * @param earlier of the namespaces before
 */
export function lostConnections(
  earlier: EventStats | undefined,
  events: ConntrackEvents | undefined,
  { late, counterResets }: StoreCounts,
): Unexported {
  const { lost = 0, unread = 0 } = earlier ?? {};
  // the store counts what came late over all namespaces
  const now = events?.lost() ?? late;
  return { ...now, connections: now.connections + lost + unread + counterResets };
}
