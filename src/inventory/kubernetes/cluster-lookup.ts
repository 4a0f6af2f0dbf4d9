import { NO_NAME, type NameTable } from '../../record/name-table.js';
import type { AddressLookup } from '../inventory.js';
import { NOTHING } from '../prefix-table.js';
import { keyOfRow } from './addresses.js';
import type { PodFacts } from './facts.js';
import type { NodeTable } from './nodes.js';
import { ownerAt, type PodTable } from './pods.js';
import type { ServiceTable } from './services.js';

/** Milliseconds by which what the server sends may be late. */
export const LATE_MS = 1_000;

/** What is known of a cluster at present. */
export interface Cluster {
  readonly pods: PodTable;
  readonly nodes: NodeTable;
  readonly services: ServiceTable;
  /** Labels of pods are kept. */
  readonly labelled: boolean;
  /** Up to when what happened to pods has been received, milliseconds since 1970. */
  readonly contactAt: () => number;
}

/** Who an address of a cluster belongs to. It looks into the tables as they change. */
export class ClusterLookup implements AddressLookup {
  readonly #cluster: Cluster;
  readonly #names: NameTable;
  readonly podLabels: ((pod: number) => number) | undefined;
  /** An answer was put off, as its pod may have ended before the flow started. */
  postponed = false;
  /** Answers that were refuted. */
  corrected = 0;

  constructor(cluster: Cluster, names: NameTable) {
    this.#cluster = cluster;
    this.#names = names;
    if (cluster.labelled) this.podLabels = pod => names.intern(this.#factsOf(pod)?.labels ?? '');
  }

  podAt(bytes: Uint8Array, at: number, family: number, startMs: number): number {
    const { pods, contactAt } = this.#cluster;
    const owners = pods.at(keyOfRow(bytes, at, family));
    const owner = owners && ownerAt(owners, startMs);
    if (!owner) return NOTHING;
    const ends = owner.facts.ending || owner.until !== Number.POSITIVE_INFINITY;
    // of whoever has the address next the server may not have said so yet
    if (ends && startMs > contactAt() - LATE_MS) {
      this.postponed = true;
      return NOTHING;
    }
    return owner.number;
  }

  podName(pod: number): number {
    return this.#names.intern(this.#factsOf(pod)?.name ?? '');
  }

  podNamespace(pod: number): number {
    return this.#names.intern(this.#factsOf(pod)?.namespace ?? '');
  }

  podNode(pod: number): number {
    return this.#names.intern(this.#factsOf(pod)?.node ?? '');
  }

  podWorkload(pod: number): number {
    return this.#names.intern(this.#factsOf(pod)?.workload ?? '');
  }

  nodeAt(bytes: Uint8Array, at: number, family: number): number {
    return this.#names.intern(this.#cluster.nodes.nameAt(bytes, at, family));
  }

  get knowsPodPrefixes(): boolean {
    return this.#cluster.nodes.knowsPodPrefixes;
  }

  inPodPrefix(bytes: Uint8Array, at: number, family: number): boolean {
    return this.#cluster.nodes.inPodPrefix(bytes, at, family);
  }

  isService(bytes: Uint8Array, at: number, family: number): boolean {
    return this.#cluster.services.isService(keyOfRow(bytes, at, family));
  }

  servicePortAt(
    bytes: Uint8Array,
    at: number,
    family: number,
    protocol: number,
    port: number,
    startMs: number,
  ): number {
    const { nodes, services } = this.#cluster;
    const key = protocol * 65536 + port;
    const name = services.at(keyOfRow(bytes, at, family), key, startMs);
    if (name !== undefined) return this.#names.intern(name);
    const onNode = nodes.isNode(bytes, at, family) ? services.nodePort(key, startMs) : undefined;
    return onNode === undefined ? NO_NAME : this.#names.intern(onNode);
  }

  endpointPort(pod: number, protocol: number, port: number): number {
    const name = this.#cluster.services.ofPod(this.#factsOf(pod)?.uid ?? '', protocol * 65536 + port);
    return name === undefined ? NO_NAME : this.#names.intern(name);
  }

  refutes(pod: number, startMs: number): boolean {
    const owner = this.#cluster.pods.get(pod);
    if (!owner || startMs < owner.until) return false;
    this.corrected++;
    return true;
  }

  refutesServicePort(
    bytes: Uint8Array,
    at: number,
    family: number,
    protocol: number,
    port: number,
    startMs: number,
    given: number,
  ): boolean {
    const isName = (name: string): boolean => this.#names.intern(name) === given;
    const refuted = this.#cluster.services.refutes(
      keyOfRow(bytes, at, family),
      protocol * 65536 + port,
      startMs,
      isName,
    );
    if (refuted) this.corrected++;
    return refuted;
  }

  /** Flows hold the names that they were given. */
  eachName(): void {}

  #factsOf(pod: number): PodFacts | undefined {
    return this.#cluster.pods.get(pod)?.facts;
  }
}
