import { CtflowError } from '../common/errors.js';
import { ROW_SIZE } from '../row/layout.generated.js';

/** What Node 20 takes as one array of bytes. */
const MOST_SLOTS = Math.floor(2 ** 32 / ROW_SIZE);

/**
 * Slots of a store for ended flows that wait for their last record: each destination has as many of its own as its queue
 * may hold, so that none takes the room of another, or that of open flows.
 * @param open flows that are open at most; @param queues limit of each destination
 * @param spare for destinations that are added later, as far as there is room
 * @throws CtflowError CTFLOW_USAGE where all of them are more than a store can hold
 */
export function endedRoom(open: number, queues: readonly number[], spare = 0): number {
  // one is on its way into the queues
  const room = queues.reduce((sum, limit) => sum + limit, 1);
  if (open + room > MOST_SLOTS) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `${open} connections and ${room - 1} ended ones (--ended-queue for each collector) are more than ${MOST_SLOTS}`,
      'Give a lower --ended-queue or a lower --max-connections',
    );
  }
  return room + Math.min(spare, MOST_SLOTS - open - room);
}
