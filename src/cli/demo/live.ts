import { CtflowError } from '../../common/errors.js';
import { loadBackend } from '../../backend/load.js';
import { COLLECTOR } from './traffic/addresses.js';
import { furnish, retransmissions } from './traffic/network.js';
import { pause } from './pause.js';
import { Pipeline } from './pipeline.js';
import type { DemoReport } from './report.js';
import type { Stage } from './stage.js';
import { Traffic } from './traffic/traffic.js';
import { loopbackCount, type Count } from './traffic/loopback-count.js';

export interface LiveOptions {
  readonly backend: 'auto' | 'native' | 'fallback';
  /** Milliseconds, the quiet at the end included. */
  readonly duration: number;
}

export interface LiveResult {
  readonly report: Omit<DemoReport, 'repeated'>;
  /** TCP segments that were sent again: more than none make the run void. */
  readonly retransmissions: number;
}

/** The last fifth of the time is quiet, within these bounds in milliseconds: the records that are due can be watched. */
const QUIET = { least: 1000, most: 3000 };
/**
 * The kernel's count stands still where so many looks in a row see the same. It is looks that count and not the time: who was
 * held up between two of them has not let anything move.
 */
const STILL_LOOKS = 4;
const MOST_LOOKS = 200;
/** Milliseconds between two looks. */
const LOOK = 80;

/**
 * The demonstration in the network namespace that this process is in: real traffic, exported and collected, held against
 * the loopback device's own count, less the exporter's messages. Ends early, and in order, when the stage's signal says so.
 * @throws CtflowError CTFLOW_NAMESPACE where the namespace cannot be furnished, CTFLOW_DEMO where the traffic fails
 */
export async function runLive(options: LiveOptions, stage: Stage): Promise<LiveResult> {
  await furnish();
  const backend = await loadBackend(options.backend, stage.say);
  const source = backend.openKernel({ filter: {} });
  const pipeline = new Pipeline({
    mode: 'live',
    backend,
    source,
    listen: COLLECTOR,
    duration: options.duration,
    stage,
  });
  const failure = new AbortController();
  const readTruth = () => without(loopbackCount(), pipeline.carried);
  const traffic = new Traffic({
    say: stage.say,
    onFailure: error => failure.abort(error),
  });
  const leave = () => traffic.close();
  process.once('exit', leave);
  try {
    await pipeline.start(); // before the first packet, so that nothing is taken for older than the exporter
    await traffic.start();
    const quiet = Math.min(Math.max(options.duration / 5, QUIET.least), QUIET.most);
    await pause(options.duration - quiet, AbortSignal.any([stage.signal, failure.signal]));
    await traffic.stop();
    await pause(quiet, AbortSignal.any([stage.signal, failure.signal]));
    const kernel = await still(readTruth);
    if (failure.signal.aborted) throw trafficFailed(failure.signal.reason);
    const report = await pipeline.finish();
    // the last message, which may have no flow record in it, is on its way to the collector
    const after = await still(readTruth);
    if (after.packets !== kernel.packets) throw trafficFailed('packets came after its end');
    return {
      report: { ...report, kernelOctets: kernel.octets, kernelPackets: kernel.packets },
      retransmissions: retransmissions(),
    };
  } finally {
    traffic.close();
    process.off('exit', leave);
    await pipeline.close();
  }
}

/** The kernel's count when nothing moves it any more. */
async function still(read: () => Count): Promise<Count> {
  let count = read();
  for (let look = 1, still = 1; look < MOST_LOOKS; look++) {
    await pause(LOOK);
    const next = read();
    still = next.packets === count.packets ? still + 1 : 1;
    if (still >= STILL_LOOKS) return next;
    count = next;
  }
  throw trafficFailed('it does not come to rest');
}

function without(all: Count, part: Count): Count {
  return { packets: all.packets - part.packets, octets: all.octets - part.octets };
}

function trafficFailed(reason: unknown): CtflowError {
  const said = reason instanceof Error ? reason.message : String(reason);
  return new CtflowError('CTFLOW_DEMO', `The demonstration's own traffic failed: ${said}`, 'Run it once more', reason);
}
