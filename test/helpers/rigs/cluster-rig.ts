import { MessageChannel } from 'node:worker_threads';
import type { ExecutionContext } from 'ava';
import { POD_FACTS } from '../../../src/encoder/columns.js';
import { Enrichment } from '../../../src/inventory/enrichment.js';
import { LABELS, WORKLOAD } from '../../../src/inventory/flow-pods.js';
import {
  KubernetesInventory,
  type KubernetesOptions,
  type KubernetesStats,
  type Watching,
} from '../../../src/inventory/kubernetes/kubernetes-inventory.js';
import type { WatchOptions } from '../../../src/inventory/kubernetes/facts.js';
import { watchCluster } from '../../../src/inventory/kubernetes/watch-cluster.js';
import { FACTS_OF_POD } from '../../../src/ipfix/details.js';
import { NameTable } from '../../../src/record/name-table.js';
import { IN_USE } from '../../../src/store/connection-table.js';
import { ORIG_SPORT, ROW_SIZE } from '../../../src/row/layout.generated.js';
import type { Facts } from '../builders/rows.js';
import { tcp } from '../builders/connections.js';
import { eventually } from '../eventually.js';
import { listeningLogger } from '../fakes/listening-logger.js';
import { ApiServer } from '../kubernetes/api-server.js';
import { StoreRig } from './store-rig.js';

/** Waits that tests have time for. */
export const QUICK = { firstWait: 20, longestWait: 100, listSilence: 5_000, watchSilence: 5_000 };

/** An API server of the test's own, and an inventory that follows it. */
export class ClusterRig extends StoreRig {
  readonly names = new NameTable();
  readonly server: ApiServer;
  readonly inventory: KubernetesInventory;
  readonly lines: Record<string, unknown>[];
  /** Where the server's token is read from. */
  readonly token: string;
  readonly #enrichment: Enrichment;

  private constructor(
    server: ApiServer,
    inventory: KubernetesInventory,
    lines: Record<string, unknown>[],
    token: string,
    maxConnections: number,
  ) {
    super({ maxConnections });
    this.server = server;
    this.inventory = inventory;
    this.lines = lines;
    this.token = token;
    this.#enrichment = new Enrichment(this.store, inventory.lookup(this.names), this.names);
    inventory.subscribe(this.names, change => this.#enrichment.use(change));
  }

  /** @param fill puts what is there before anybody asks */
  static async open(
    t: ExecutionContext,
    fill: (server: ApiServer) => void = () => {},
    options: Partial<KubernetesOptions> = {},
    maxConnections = 4_096,
  ): Promise<ClusterRig> {
    const { server, inventory, lines, token } = await openCluster(t, fill, options);
    return new ClusterRig(server, inventory, lines, token, maxConnections);
  }

  /** Waits until the statistics are so. */
  async until(what: string, is: (stats: KubernetesStats) => boolean): Promise<void> {
    await eventually(what, () => is(this.inventory.stats()));
  }

  async synced(): Promise<void> {
    await this.until('all has been read and is watched', ({ synced, watched }) => synced === 4 && watched === 4);
  }

  /** All that the server has told by now is known. */
  async caughtUp(changes: number): Promise<void> {
    await this.until(`${changes} changes are known`, stats => stats.changes >= changes);
  }

  /** `pod namespace node` of both sides, the service port and the type of the connection from a port. */
  answer(port: number): (string | number)[] {
    return this.#answerOf(this.#slotOf(port));
  }

  #slotOf(port: number): number {
    const { flags, rows, top } = this.store.table;
    const ports = new Uint16Array(rows.buffer, rows.byteOffset);
    for (let slot = 0; slot < top; slot++)
      if (flags[slot] & IN_USE && ports[(slot * ROW_SIZE + ORIG_SPORT) >> 1] === port) return slot;
    throw new Error(`no connection from port ${port}`);
  }

  /** What is said of one connection that a poll shows. */
  see(facts: Facts): (string | number)[] {
    // a start in the future would be taken for now
    this.wall = Date.now() + 60_000;
    this.poll([facts]);
    return this.answer(facts.sourcePort!);
  }

  /** What the pods of a connection belong to, of both sides. */
  workloads(port: number): string[] {
    return this.#podFacts(port, WORKLOAD);
  }

  /** The labels of these pods, as JSON. */
  labels(port: number): string[] {
    return this.#podFacts(port, LABELS);
  }

  #podFacts(port: number, fact: number): string[] {
    const slot = this.#slotOf(port);
    const { podFacts } = this.#enrichment.extras;
    return [0, FACTS_OF_POD].map(end => this.names.text(podFacts![slot * POD_FACTS + end + fact]));
  }

  #answerOf(slot: number): (string | number)[] {
    const { names: numbers, types } = this.#enrichment.extras;
    const names = [...numbers!.subarray(slot * 7, slot * 7 + 7)].map(number => {
      const start = number === 0 ? 0 : this.names.ends[number - 1];
      return Buffer.from(this.names.bytes.subarray(start, this.names.ends[number])).toString();
    });
    return [...names, types![slot]];
  }
}

interface OpenCluster {
  readonly server: ApiServer;
  readonly inventory: KubernetesInventory;
  readonly lines: Record<string, unknown>[];
  readonly token: string;
}

/** @param fill puts what is there before anybody asks */
export async function openCluster(
  t: ExecutionContext,
  fill: (server: ApiServer) => void = () => {},
  options: Partial<KubernetesOptions> = {},
): Promise<OpenCluster> {
  const server = await ApiServer.open(t);
  fill(server);
  const { config, token } = server.writeConfig(t);
  const { log, lines } = listeningLogger();
  const { limits, ...rest } = options;
  const all = { config, node: 'worker-1', pods: 'all' as const, ...rest, limits: { ...QUICK, ...limits } };
  const inventory = await KubernetesInventory.open(all, log, undefined, watchHere);
  t.teardown(() => inventory.close());
  return { server, inventory, lines, token };
}

/** In this process: to load the client on a thread takes a second each time. */
export function watchHere(options: WatchOptions): Watching {
  const { port1, port2 } = new MessageChannel();
  const watched = watchCluster(options, port2);
  return {
    ref: () => port1.ref(),
    unref: () => port1.unref(),
    terminate: async () => {
      port1.close();
      await watched;
      return 0;
    },
    postMessage: message => port1.postMessage(message),
    on: (event: string, listener: (...args: never[]) => void) =>
      port1.on(event === 'exit' ? 'close' : event, listener as () => void),
  };
}

let ports = 10_000;

/** A connection that started some time ago. @param started milliseconds since 1970 */
export function flow(source: string, destination: string, started = Date.now() - 10_000, more: Facts = {}): Facts {
  return tcp(ports++, started, [1, 60, 1, 60], { source, destination, destinationPort: 5432, ...more });
}
