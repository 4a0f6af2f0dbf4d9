import type { ProofCase } from '../case.js';
import { collectorFrozen, collectorKilled, collectorStopped } from './collector-outages.js';
import { dueAtOnceTcp, dueAtOnceUdp } from './due-at-once.js';
import { denied } from './denied.js';
import { modeAll, secondListener, secondListenerNoTimestamps, smallBuffer } from './event-loss.js';
import { exporterFrozen, exporterFrozenNoBpf, exporterFrozenOver } from './exporter-frozen.js';
import { exporterKilled, exporterStopped, filesKilled } from './exporter-restarts.js';
import { nat, natLossy } from './nat.js';
import { reloads } from './reloads.js';
import { endsInBurst, slowBeside } from './unequal-collectors.js';
import { filterChanges, tableResized, zeroedCounters } from './kernel-disturbed.js';
import { namespaceGone } from './namespace-gone.js';
import { filterAndSums, sumsKilled } from './sums.js';
import { events, pollOnly } from './undisturbed.js';

/** By what is disturbed, in the order in which they run. */
export const CASES_OF = {
  exporter: [
    events,
    pollOnly,
    exporterStopped,
    exporterKilled,
    exporterFrozen,
    exporterFrozenOver,
    exporterFrozenNoBpf,
    filterAndSums,
    reloads,
  ],
  collectors: [collectorStopped, collectorFrozen, collectorKilled, slowBeside, endsInBurst, dueAtOnceTcp, dueAtOnceUdp],
  kernel: [
    denied,
    smallBuffer,
    nat,
    natLossy,
    secondListener,
    secondListenerNoTimestamps,
    modeAll,
    zeroedCounters,
    filterChanges,
    namespaceGone,
  ],
  /** What all network namespaces share: every dump of the host meets it. */
  host: [tableResized],
} satisfies Record<string, readonly ProofCase[]>;

/** All of them; what is killed there the suite tries at random, in test/state/restart.test.ts and killed-files.test.ts. */
export const CASES: readonly ProofCase[] = [...Object.values(CASES_OF).flat(), sumsKilled];

/** Run where they are named: half of its runs were void until the traffic was mended, and it has not stood beside the others since. */
export const NAMED_CASES: readonly ProofCase[] = [filesKilled];
