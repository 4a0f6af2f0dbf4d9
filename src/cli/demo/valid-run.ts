import { CtflowError } from '../../common/errors.js';
import type { LiveResult } from './live.js';
import type { DemoReport } from './report.js';
import type { Stage } from './stage.js';

/**
 * Runs the live demonstration, and once more when TCP had to send a segment again: conntrack accepts a repeated SYN
 * without counting it, so that the two counts of such a run cannot be compared.
 * @param run one whole run in a fresh namespace
 * @throws CtflowError CTFLOW_DEMO when the second run is void too, or the user ended the first
 */
export async function validRun(run: () => Promise<LiveResult>, stage: Stage): Promise<DemoReport> {
  const first = await run();
  if (first.retransmissions === 0) return { ...first.report, repeated: false };
  if (stage.signal.aborted) throw voidRun(first);
  stage.say(`${voidRun(first).message}. Once more, in a fresh namespace.`);
  const second = await run();
  if (second.retransmissions === 0) return { ...second.report, repeated: true };
  throw voidRun(second);
}

function voidRun({ retransmissions }: LiveResult): CtflowError {
  return new CtflowError(
    'CTFLOW_DEMO',
    `This run is void: TCP sent segments again (${retransmissions}), and conntrack does not count every repetition`,
    'Run it when the machine is less busy',
  );
}
