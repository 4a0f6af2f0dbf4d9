/** What is sent from the thread that watches to the exporter: no more of an object than look-ups want. Times are milliseconds since 1970. */

/** Which objects there are. */
export const KINDS = ['pods', 'nodes', 'services', 'endpoints'] as const;
export type Kind = (typeof KINDS)[number];

export interface PodFacts {
  readonly kind: 'pods';
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  /** What it belongs to: see workloadOf. */
  readonly workload: string;
  /** Those that are asked for: see keptLabels. */
  readonly labels: string;
  readonly labelsLeftOut: number;
  readonly addresses: readonly string[];
  /** It has had the addresses since then. */
  readonly since: number;
  /** Its addresses may be another's from then on; Infinity while it runs. */
  readonly until: number;
  /** It may end without notice, or is being deleted: what just started is given to it only when that is sure. */
  readonly ending: boolean;
}

export interface NodeFacts {
  readonly kind: 'nodes';
  readonly uid: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly podPrefixes: readonly string[];
}

export interface PortFacts {
  /** protocol * 65536 + port */
  readonly key: number;
  readonly name: string;
}

export interface ServiceFacts {
  readonly kind: 'services';
  readonly uid: string;
  /** It exists since then, milliseconds since 1970. */
  readonly since: number;
  readonly addresses: readonly string[];
  readonly ports: readonly PortFacts[];
  /** The same ports on all nodes. */
  readonly nodePorts: readonly PortFacts[];
}

export interface EndpointFacts {
  readonly kind: 'endpoints';
  readonly uid: string;
  /** Uids of pods. */
  readonly pods: readonly string[];
  readonly ports: readonly PortFacts[];
}

export type Facts = PodFacts | NodeFacts | ServiceFacts | EndpointFacts;

/** An object that is no more. */
export interface Gone {
  readonly kind: Kind;
  readonly uid: string;
  /** It was there then; of a pod its addresses may be another's from then on. */
  readonly at: number;
}

export interface Changes {
  readonly facts: readonly Facts[];
  readonly gone: readonly Gone[];
}

/** How the watch of one kind stands. */
export interface WatchState {
  readonly kind: Kind;
  /** All that there is has been read once. */
  readonly synced: boolean;
  readonly connected: boolean;
  /** When something was last received. */
  readonly contactAt: number;
  readonly lists: number;
  readonly watches: number;
  readonly errors: number;
  /** Objects without room. */
  readonly leftOut: number;
}

export interface WatchOptions {
  /** `in-cluster`: as the service account of the pod that ctflow runs in; else the file with the configuration. */
  readonly config: string;
  /** This node. */
  readonly node: string;
  /** All pods, or those of this node alone. */
  readonly pods: 'all' | 'node';
  /** Keys of labels of pods that are kept: see keptLabels. */
  readonly labels: readonly string[];
  readonly limits: WatchLimits;
}

export interface WatchLimits {
  /** Objects in one answer. */
  readonly page: number;
  /** Milliseconds without an octet after which a request counts as broken: of a list, of a watch. */
  readonly listSilence: number;
  readonly watchSilence: number;
  /** Seconds after which the server ends a watch. */
  readonly watchSeconds: number;
  /** Milliseconds before the first attempt after a failure, and at most. */
  readonly firstWait: number;
  readonly longestWait: number;
  /** Objects of a kind. */
  readonly most: number;
}

export const WATCH_LIMITS: WatchLimits = {
  page: 500,
  listSilence: 30_000,
  watchSilence: 150_000,
  watchSeconds: 300,
  firstWait: 1_000,
  longestWait: 30_000,
  most: 200_000,
};

/** From the thread. */
export type FromThread =
  | { readonly type: 'ready'; readonly server: string }
  | { readonly type: 'failed'; readonly message: string; readonly hint: string }
  | { readonly type: 'changes'; readonly changes: Changes }
  | { readonly type: 'state'; readonly state: WatchState }
  | { readonly type: 'trouble'; readonly kind: Kind; readonly message: string };
