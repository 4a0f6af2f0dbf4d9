import type { Finding } from '../../proof/case.js';
import type { Size } from '../../proof/scene.js';
import { NO_FAULTS } from '../../proof/truth.js';

export const SIZE: Size = { flows: 100, rate: 100, pollInterval: 1000, timeout: 2, freeze: 1, seed: 1 };

const COUNT = { connections: 100, packets: 1_000, octets: 1_234_567 };
const NOTHING = { connections: 0, packets: 0, octets: 0 };

/** What a run may have shown: all is well unless said otherwise. */
export function finding(otherwise: Partial<Finding>): Finding {
  return {
    kernel: COUNT,
    exported: COUNT,
    missing: NOTHING,
    doubled: NOTHING,
    traffic: {
      flows: 100,
      denied: 0,
      long: 0,
      kinds: { udp: 100 },
      datagrams: 500,
      datagramOctets: 600_000,
      deniedDatagrams: 0,
      deniedOctets: 0,
      streamOctets: 0,
      failed: 0,
      begunSeconds: 1,
      seconds: 2,
    },
    exporter: { stats: undefined, summary: undefined, complaints: [], peakMemory: 80e6 },
    faults: NO_FAULTS,
    failures: [],
    notes: [],
    ...otherwise,
  };
}
