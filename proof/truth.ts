import { readFileSync } from 'node:fs';
import { retransmissions } from '../src/cli/demo/traffic/network.js';
import { pause } from '../src/cli/demo/pause.js';
import type { Count } from '../src/cli/demo/traffic/loopback-count.js';
import type { PrivateNamespace } from '../test/helpers/kernel/namespace.js';
import { parseCounters } from '../test/helpers/kernel/nft-truth.js';
import type { Topology } from './topology.js';

/** What the kernel counted without conntrack. */
export interface KernelCount extends Count {
  readonly connections: number;
  /** What the rules of the router dropped, which is in nothing else here. */
  readonly denied: Count;
}

/** What makes a run void: the kernel itself lost count, or who looks on did. */
export interface Faults {
  readonly insertFailed: number;
  readonly drop: number;
  readonly earlyDrop: number;
  readonly chainTooLong: number;
  /** Packets that began a connection which another one had begun already, or that was ending: nft counts a connection too many. */
  readonly clashes: number;
  readonly retransmissions: number;
  /** SYNs of connections that conntrack held to be open: it lets them pass uncounted (nf_conntrack_proto_tcp.c). */
  readonly uncountedSyns: number;
  /** Times that the receive buffer of the witness ran over. */
  readonly witness: number;
  /** Packets that still came when the count had stood still: who answers was held up. */
  readonly late: number;
}

export const NO_FAULTS: Faults = {
  insertFailed: 0,
  drop: 0,
  earlyDrop: 0,
  chainTooLong: 0,
  clashes: 0,
  retransmissions: 0,
  uncountedSyns: 0,
  witness: 0,
  late: 0,
};

/** The kernel's count must stand still this long, and must do so within the minute; milliseconds. */
const STILL = 400;
const RESTLESS = 60_000;

/** The counters of the router. */
export async function readKernel(router: PrivateNamespace): Promise<KernelCount> {
  const counters = parseCounters(await router.run('nft', ['-j', 'list', 'counters']));
  const truth = counters.get('truth');
  const begun = counters.get('begun');
  if (!truth || !begun) throw new Error('nft does not show the counters of the proof');
  const rules = [...counters].filter(([name]) => name.startsWith('rule_')).map(([, count]) => count);
  return { ...truth, connections: begun.packets, denied: sum(rules) };
}

/** A counter of the router by its name. */
export async function readCounter(router: PrivateNamespace, name: string): Promise<Count> {
  const count = parseCounters(await router.run('nft', ['-j', 'list', 'counters'])).get(name);
  if (!count) throw new Error(`nft does not show the counter ${name}`);
  return count;
}

/** As {@link readKernel}, when nothing moves it any more. */
export async function stillKernel(router: PrivateNamespace): Promise<KernelCount> {
  const deadline = performance.now() + RESTLESS;
  let count = await readKernel(router);
  while (performance.now() < deadline) {
    await pause(STILL);
    const next = await readKernel(router);
    if (next.packets === count.packets && next.denied.packets === count.denied.packets) return next;
    count = next;
  }
  throw new Error('the traffic does not come to rest');
}

/** Since the namespaces were made. @param still what the kernel had counted when nothing moved any more */
export async function readFaults({ client, router, server }: Topology, still: KernelCount): Promise<Faults> {
  const now = await readKernel(router);
  const counters = parseCounters(await router.run('nft', ['-j', 'list', 'counters']));
  const conntrack = conntrackStatistics(readFileSync(`/proc/${router.pid}/net/stat/nf_conntrack`, 'utf8'));
  return {
    insertFailed: conntrack.get('insert_failed') ?? 0,
    drop: conntrack.get('drop') ?? 0,
    earlyDrop: conntrack.get('early_drop') ?? 0,
    // the column has had two names
    chainTooLong: conntrack.get('chainlength') ?? conntrack.get('chaintoolong') ?? 0,
    clashes: conntrack.get('clashres') ?? 0,
    // those of the router are the exporter's, to its collector, and in no count
    retransmissions: retransmissions(client.pid) + retransmissions(server.pid),
    uncountedSyns: counters.get('uncounted_syns')?.packets ?? 0,
    witness: 0,
    late: now.packets - still.packets + now.denied.packets - still.denied.packets,
  };
}

/** Names of what makes a run void, with their counts. */
export function faultNames(faults: Faults): string[] {
  return Object.entries(faults)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`);
}

/** Sums over the processors: a line of names, then a line of hexadecimal counts for each of them. */
export function conntrackStatistics(text: string): Map<string, number> {
  const [names = [], ...lines] = text
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/));
  return new Map(
    names.map((name, column) => [name, lines.reduce((total, line) => total + parseInt(line[column], 16), 0)]),
  );
}

function sum(counts: readonly Count[]): Count {
  return counts.reduce(
    (total, { packets, octets }) => ({ packets: total.packets + packets, octets: total.octets + octets }),
    { packets: 0, octets: 0 },
  );
}
