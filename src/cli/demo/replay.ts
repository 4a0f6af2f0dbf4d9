import { fileURLToPath } from 'node:url';
import { loadBackend } from '../../backend/load.js';
import { ReplaySource } from '../../sources/replay.js';
import type { LiveOptions } from './live.js';
import { Pipeline } from './pipeline.js';
import type { DemoReport } from './report.js';
import type { Stage } from './stage.js';
import { Tally } from './tally.js';

/** Shipped with the package: a few seconds of a kernel's table. */
const RECORDING = fileURLToPath(new URL('../../../fixtures/demo.ctflow', import.meta.url));

/** Plays the recording through exporter and collector, one dump a second. Ends early when the stage's signal says so. */
export async function runReplay(
  options: Pick<LiveOptions, 'backend'>,
  stage: Stage,
): Promise<Omit<DemoReport, 'repeated'>> {
  const backend = await loadBackend(options.backend, stage.say);
  const source = new Tally(new ReplaySource(RECORDING, backend.decode, {}));
  const listen = { protocol: 'udp', host: '127.0.0.1', port: 0 } as const;
  const pipeline = new Pipeline({ mode: 'replay', backend, source, listen, stage });
  const interrupted = new Promise<void>(resolve => {
    if (stage.signal.aborted) resolve();
    else stage.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await pipeline.start();
    await Promise.race([pipeline.ended, interrupted]);
    const report = await pipeline.finish();
    const { octets, packets } = source.total();
    return { ...report, kernelOctets: octets, kernelPackets: packets };
  } finally {
    await pipeline.close();
  }
}
