import type { Count } from '../src/cli/demo/traffic/loopback-count.js';
import type { ReceivedFlows } from './ledger.js';

/** Octets, packets, and connections. */
export interface ConnectionCount extends Count {
  readonly connections: number;
}

/** What the kernel counted held against what the collector received. */
export interface Balance {
  readonly kernel: ConnectionCount;
  readonly exported: ConnectionCount;
  readonly missing: ConnectionCount;
  readonly doubled: ConnectionCount;
}

/**
 * Missing is what no record reported: deltas that do not reach their flow's own total, and what the kernel counted beyond the
 * totals of all flows. Doubled is deltas beyond their flow's total, and totals beyond what the kernel counted. Each is
 * found flow by flow, so that one does not make up for the other in a sum.
 */
export function balance(kernel: ConnectionCount, received: ReceivedFlows): Balance {
  const totals = received.totals();
  const connections = received.count;
  const over = (a: ConnectionCount, b: ConnectionCount): ConnectionCount => ({
    connections: Math.max(a.connections - b.connections, 0),
    packets: Math.max(a.packets - b.packets, 0),
    octets: Math.max(a.octets - b.octets, 0),
  });
  const counted = { connections: kernel.connections, packets: kernel.packets, octets: kernel.octets };
  return {
    kernel: counted,
    exported: { connections, ...received.exported() },
    missing: plus(over(counted, { connections, ...totals }), received.lacking()),
    doubled: plus(over({ connections, ...totals }, counted), received.repeated()),
  };
}

function plus(a: ConnectionCount, b: Count): ConnectionCount {
  return { connections: a.connections, packets: a.packets + b.packets, octets: a.octets + b.octets };
}

/** None of the three. */
export function isNothing({ connections, packets, octets }: ConnectionCount): boolean {
  return connections === 0 && packets === 0 && octets === 0;
}
