import type { NameTable } from '../record/name-table.js';

/** How much of each an inventory has. */
export interface InventorySize {
  readonly pods: number;
  readonly nodes: number;
  readonly services: number;
  readonly podPrefixes: number;
}

/**
 * Who an address belongs to. Addresses are read from rows: bytes in network order from `at` on, and the kernel's number of the
 * family. A name is a number of the NameTable that the look-up was made with.
 */
export interface AddressLookup {
  /**
   * The pod that had the address when the flow started.
   * @param startMs milliseconds since 1970
   * @returns for {@link podName} and its siblings; NOTHING where no pod is known
   */
  podAt(bytes: Uint8Array, at: number, family: number, startMs: number): number;
  podName(pod: number): number;
  podNamespace(pod: number): number;
  /** The node that a pod runs on, where it is known. */
  podNode(pod: number): number;
  /** The node whose address this is, or in whose prefixes it lies. */
  nodeAt(bytes: Uint8Array, at: number, family: number): number;
  /** Whether the prefixes of pods are known: other addresses are none then. */
  readonly knowsPodPrefixes: boolean;
  inPodPrefix(bytes: Uint8Array, at: number, family: number): boolean;
  isService(bytes: Uint8Array, at: number, family: number): boolean;
  /** The name of a service port when the flow started, NO_NAME where none is known. */
  servicePortAt(bytes: Uint8Array, at: number, family: number, protocol: number, port: number, startMs: number): number;
  /** The service port that this port of a pod stands behind; absent where that is never known. */
  endpointPort?(pod: number, protocol: number, port: number): number;
  /** What the pod belongs to, such as `deployment/web`; absent where that is never known. */
  podWorkload?(pod: number): number;
  /** Its labels, as JSON; absent where they are not asked for. */
  readonly podLabels?: ((pod: number) => number) | undefined;
  /** Whether a flow that was given to this pod was not its own, as is known by now; absent where an answer is final. */
  refutes?(pod: number, startMs: number): boolean;
  /** The same of a service port. @param given the number of its name */
  refutesServicePort?(
    bytes: Uint8Array,
    at: number,
    family: number,
    protocol: number,
    port: number,
    startMs: number,
    given: number,
  ): boolean;
  /** The numbers that it holds: see NameHolder. */
  eachName(keep: (number: number) => void): void;
}

/** What changed in an inventory, for those who have given answers by it. */
export interface InventoryChange {
  readonly lookup: AddressLookup;
  /** Answers of flows that started at or after this may be refuted, milliseconds since 1970; absent where none is. */
  readonly reviewFrom?: number | undefined;
  /** Pods of which something beside their names is different; absent where none is. */
  readonly changedPods?: ReadonlySet<number> | undefined;
}

/** Where names come from: a file, or the API server of a cluster. */
export interface Inventory<Stats = unknown> {
  /** By what is in force now. */
  lookup(names: NameTable): AddressLookup;
  /** @param listener called when something has changed; settles when it is done with it; @returns ends that */
  subscribe(names: NameTable, listener: (change: InventoryChange) => Promise<void>): () => void;
  stats(): Stats;
  close(): void | Promise<void>;
}
