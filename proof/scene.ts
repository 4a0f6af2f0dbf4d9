import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../src/cli/demo/pause.js';
import { balance, type Balance } from './balance.js';
import { CollectedFiles } from './collected-files.js';
import { COLLECTOR_PORT, CollectorProcess, collectorEndpoint, type Protocol } from './collector-process.js';
import { ExporterProcess, type ExporterEnd } from './exporter-process.js';
import { Generator, type TrafficPlan, type TrafficSummary } from './generator.js';
import { Ledger } from './ledger.js';
import type { Scope } from '../test/helpers/kernel/scope.js';
import { Topology } from './topology.js';
import { readFaults, stillKernel, type Faults, type KernelCount } from './truth.js';

/** How large a run is. */
export interface Size {
  readonly flows: number;
  /** Flows begun in a second. */
  readonly rate: number;
  /** Milliseconds between two polls of the exporter. */
  readonly pollInterval: number;
  /** Seconds after which the router forgets a UDP or ICMP connection without packets. */
  readonly timeout: number;
  /** Seconds that a frozen collector or exporter stays frozen. */
  readonly freeze: number;
  readonly seed: number;
}

export interface SceneOptions {
  readonly traffic?: Partial<TrafficPlan>;
  /** Flags of the exporter. */
  readonly exporter?: readonly string[];
  /** To the collector; TCP where nothing is said. */
  readonly protocol?: Protocol;
  /** Exported to files instead. */
  readonly files?: true;
  /** The exporter has a state file. */
  readonly state?: boolean;
  /** What the exporter is to find. */
  readonly beforeExporter?: (topology: Topology) => Promise<void>;
  /** A command that starts the exporter. */
  readonly before?: readonly string[];
  /** The router notes when connections begin and end; it does by default. */
  readonly timestamps?: boolean;
  /** Entries of the router at once; where they are not known there is room for all. */
  readonly entries?: number;
}

/** How a run ended. */
export interface Evidence {
  readonly balance: Balance;
  readonly kernel: KernelCount;
  readonly ledger: Ledger;
  readonly traffic: TrafficSummary;
  readonly exporter: ExporterEnd;
  readonly faults: Faults;
}

/** Messages over UDP are no traffic of the run: each would make another. */
const UNTRACKED = `
table inet untracked {
  chain out { type filter hook output priority -300; udp dport ${COLLECTOR_PORT} notrack; }
  chain in { type filter hook prerouting priority -300; udp dport ${COLLECTOR_PORT} notrack; }
}
`;

/** Milliseconds. */
const QUIET = 1_000;

/** Most are short UDP and TCP connections. */
const MIX = {
  udp: 60,
  'udp-again': 15,
  icmp: 3,
  'icmp-again': 1,
  tcp: 8,
  'tcp-server': 4,
  'tcp-again': 4,
  refused: 4,
  'denied-udp': 1,
};

/** A network with traffic, an exporter and a collector in it: what a case disturbs. */
export class Scene {
  readonly topology: Topology;
  readonly traffic: Generator;
  readonly size: Size;
  exporter: ExporterProcess;
  #collector: CollectorProcess | CollectedFiles;
  readonly #flags: readonly string[];
  readonly #protocol: Protocol;
  /** Where collectors write. */
  readonly #records: string;

  private constructor(
    size: Size,
    topology: Topology,
    traffic: Generator,
    exporter: ExporterProcess,
    collector: CollectorProcess | CollectedFiles,
    flags: readonly string[],
    protocol: Protocol,
    records: string,
  ) {
    this.size = size;
    this.topology = topology;
    this.traffic = traffic;
    this.exporter = exporter;
    this.#collector = collector;
    this.#flags = flags;
    this.#protocol = protocol;
    this.#records = records;
  }

  /** Resolves when the exporter runs; no flow has been made yet. */
  static async open(scope: Scope, size: Size, options: SceneOptions = {}): Promise<Scene> {
    const { traffic, exporter = [], protocol = 'tcp', state, before } = options;
    const folder = mkdtempSync(join(tmpdir(), 'ctflow-proof-'));
    scope.teardown(() => rmSync(folder, { recursive: true }));
    const { flows, rate, timeout, seed } = size;
    const plan = { flows, rate, seed, mix: MIX, long: Math.ceil(flows / 1000), forgotten: timeout + 0.75, ...traffic };
    const topology = await Topology.create(scope, options.entries ?? roomFor(plan), timeout, options.timestamps);
    const generator = await Generator.prepare(topology, plan);
    if (protocol === 'udp') await topology.router.nft(UNTRACKED);
    const records = join(folder, 'records.json');
    const collector = options.files
      ? new CollectedFiles(folder)
      : await CollectorProcess.start(topology.router, records, protocol);
    const interval = `${size.pollInterval}ms`;
    const to = collector instanceof CollectedFiles ? collector.endpoint : collectorEndpoint(protocol);
    const flags = ['--collector', to, '--flow-poll-interval', interval, '--reconnect-interval', '1s', ...exporter];
    if (state) flags.push('--state', join(folder, 'state'));
    await options.beforeExporter?.(topology);
    const process = await ExporterProcess.start(topology.router, flags, undefined, before);
    return new Scene(size, topology, generator, process, collector, flags, protocol, records);
  }

  /** @throws where there are files instead */
  get collector(): CollectorProcess {
    if (this.#collector instanceof CollectedFiles) throw new Error('there are files, and no collector');
    return this.#collector;
  }

  /** @throws where there is a collector instead */
  get files(): CollectedFiles {
    if (!(this.#collector instanceof CollectedFiles)) throw new Error('there is a collector, and no files');
    return this.#collector;
  }

  /** Bytes that the collector has written. */
  collected(): number {
    return statSync(this.#records).size;
  }

  /** Another exporter with the same flags. @param onListening as of {@link ExporterProcess.start} */
  async restartExporter(onListening?: () => Promise<void>): Promise<void> {
    this.exporter = await ExporterProcess.start(this.topology.router, this.#flags, onListening);
  }

  /** Another collector that adds to what the one before it wrote. */
  async restartCollector(): Promise<void> {
    this.#collector = await CollectorProcess.start(this.topology.router, this.#records, this.#protocol);
  }

  /**
   * The traffic comes to its end, then the exporter, then the collector; and what each of them has counted.
   * @param patient the exporter is not ended before the collector has caught up: it would not wait long for a slow one
   * @param afterTraffic done before the exporter is ended
   */
  async conclude({
    patient = false,
    afterTraffic,
  }: { patient?: boolean; afterTraffic?: () => Promise<unknown> } = {}): Promise<Evidence> {
    const { router } = this.topology;
    await this.traffic.done();
    const traffic = await this.traffic.finish();
    const kernel = await stillKernel(router);
    await afterTraffic?.();
    if (patient) await this.#caughtUp();
    const exporter = await this.exporter.stop();
    if (this.#collector instanceof CollectedFiles) this.#collector.readInto(this.#records);
    else {
      await this.#collector.readEverything();
      await this.#collector.stop();
    }
    const ledger = new Ledger();
    await ledger.read(this.#records);
    const faults = await readFaults(this.topology, kernel);
    return { balance: balance(kernel, ledger.connections), kernel, ledger, traffic, exporter, faults };
  }

  /** Resolves when the collector has written nothing for a while: it has caught up with the exporter. */
  async #caughtUp(): Promise<void> {
    for (let before = -1, size = 0; size !== before;) {
      before = size;
      await pause(2 * this.size.pollInterval + QUIET);
      size = statSync(this.#records).size;
    }
  }
}

/** Closed connections stand in the table for two minutes. */
function roomFor({ flows, long }: TrafficPlan): number {
  return Math.ceil((flows + 3 * long) * 1.2) + 10_000;
}
