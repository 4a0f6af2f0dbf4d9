import { pause } from '../../src/cli/demo/pause.js';
import type { ProofCase } from '../case.js';
import type { ExporterEnd } from '../exporter-process.js';
import { Scene } from '../scene.js';
import { found, holds, none, NOTHING_LOST, nothingLost } from './criteria.js';

/** Part of the traffic after which the collector goes. */
const WHEN = 0.3;
/** How long there is no collector; milliseconds. */
const DOWN = 1_000;
/** Room for every connection of the run that ends while the collector stands still. */
const ROOM = ['--ended-queue', '1000000'];
/** What an exporter with such a queue may have in memory; bytes. */
const MOST_MEMORY = 400e6;

export const collectorStopped: ProofCase = {
  name: 'collector-sigterm',
  title: 'the TCP collector ended by SIGTERM and started again',
  criterion: NOTHING_LOST,
  async run(scope, size) {
    const scene = await Scene.open(scope, size, { exporter: ROOM });
    scene.traffic.begin();
    await scene.traffic.reached(WHEN);
    await scene.collector.stop('SIGTERM');
    await pause(DOWN);
    await scene.restartCollector();
    const evidence = await scene.conclude();
    return found(evidence, nothingLost(evidence), { uncertain: uncertain(evidence.exporter) });
  },
};

export const collectorFrozen: ProofCase = {
  name: 'collector-sigstop',
  title: 'the TCP collector frozen by SIGSTOP',
  criterion: `${NOTHING_LOST}, at most ${MOST_MEMORY / 1e6} MB of memory`,
  async run(scope, size) {
    const scene = await Scene.open(scope, size, { exporter: ROOM });
    scene.traffic.begin();
    await scene.traffic.reached(WHEN);
    scene.collector.signal('SIGSTOP');
    await pause(size.freeze * 1000);
    const frozen = scene.exporter.peakMemory();
    scene.collector.signal('SIGCONT');
    const evidence = await scene.conclude({ patient: true });
    const memory = holds(frozen <= MOST_MEMORY, `the exporter took ${Math.round(frozen / 1e6)} MB of memory`);
    return found(evidence, [...nothingLost(evidence), ...memory], {
      uncertain: uncertain(evidence.exporter),
      notes: [`frozen for ${size.freeze} s`],
    });
  },
};

export const collectorKilled: ProofCase = {
  name: 'collector-sigkill',
  title: 'the TCP collector ended by SIGKILL and started again',
  criterion: 'missing at most uncertain, doubled 0',
  async run(scope, size) {
    const scene = await Scene.open(scope, size, { exporter: ROOM });
    scene.traffic.begin();
    await scene.traffic.reached(WHEN);
    await scene.collector.stop('SIGKILL');
    await pause(DOWN);
    await scene.restartCollector();
    const evidence = await scene.conclude();
    const { balance, ledger, exporter } = evidence;
    const lost = exporter.stats!.recordsExported - ledger.records;
    const most = uncertain(exporter);
    return found(
      evidence,
      [
        ...holds(lost <= most, `${lost} records did not arrive, and ${most} were uncertain`),
        // each record that is lost is of one connection
        ...holds(balance.missing.connections <= lost, `${balance.missing.connections} connections are missing`),
        ...(lost === 0 ? none('missing', balance.missing) : []),
        ...none('doubled', balance.doubled),
      ],
      { uncertain: most, notes: [`${lost} records did not arrive`] },
    );
  },
};

function uncertain({ stats }: ExporterEnd): number {
  return stats!.destinations.reduce((total, { transport }) => total + (transport.uncertainRecords ?? 0), 0);
}
