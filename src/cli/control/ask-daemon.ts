import { ask } from '../../daemon/control/client.js';
import type { ControlRequest } from '../../daemon/control/protocol.js';
import { Progress } from '../progress.js';

/**
 * Asks the daemon, and says on a terminal that it waits.
 * @param control path of its socket; where it is undefined, the default ones
 * @param what the daemon does meanwhile
 */
export async function askDaemon(
  control: string | undefined,
  request: ControlRequest,
  what = 'waits for the answer of ctflow run',
): Promise<unknown> {
  const progress = new Progress(() => what);
  try {
    return await ask(control, request);
  } finally {
    progress.close();
  }
}
