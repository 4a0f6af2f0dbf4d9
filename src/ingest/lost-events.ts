import type { Unexported } from '../store/unexported.js';
import { newUnexported } from '../store/unexported.js';
import type { ConntrackEvents, EventStats } from './conntrack-events.js';

/**
 * What events would have added that were lost, of the network namespace that is exported and of those before.
 * @param earlier of the namespaces before; @param late as of the store, which counts it over all of them
 */
export function lostEvents(
  earlier: EventStats | undefined,
  events: ConntrackEvents | undefined,
  late: Unexported,
): Unexported {
  if (!events && !earlier) return newUnexported();
  const { lost = 0, unread = 0 } = earlier ?? {};
  const now = events?.lost() ?? late;
  return { ...now, connections: now.connections + lost + unread };
}
