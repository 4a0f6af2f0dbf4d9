import type { Backend } from '../backend/backend.js';
import { endedRoom } from '../schedule/ended-room.js';
import type { NflogOptions } from '../sources/nflog.js';
import { addCounts } from '../common/add-counts.js';
import type { Batch } from '../row/batch.js';
import { describeError } from '../common/errors.js';
import type { Flows } from '../record/flows.js';
import type { AnnotatedStore, FlowStore } from '../store/flow-store.js';
import { IN_USE } from '../store/connection-table.js';
import type { Logger } from '../common/logger.js';
import { isNat } from '../record/nat-log.js';
import type { ProfileName } from '../ipfix/profile.js';
import type { NameTable } from '../record/name-table.js';
import type { PollHook } from '../ingest/poll-hook.js';
import { now } from '../store/poll-history.js';
import type { FlowExtras } from '../encoder/columns.js';
import type { Unexported } from '../store/unexported.js';
import type { NflogCounts, NflogSource } from '../sources/nflog.js';
import { DeniedRules } from './denied-rules.js';
import { ConntrackCorrelator, type MatchCounts } from './conntrack-correlator.js';
import { DenyStore, type DenyCounts } from './deny-store.js';
import { RuleComments, type CommentCounts } from './rule-comments.js';

/** Of the native reader. */
const MOST_PREFIXES = 4096;

/** Milliseconds until a flow without a packet is over, where there is no destination. */
const IDLE_MS = 15_000;

/** What is known here of a destination. */
interface Taker {
  readonly profile: ProfileName;
  readonly idleFlowExportTimeout: number;
  readonly endedQueue: number;
}

/** Where denied packets come from. */
export interface DeniedOptions extends NflogOptions {
  /** Denied flows at most; the one that had no packet for longest goes. */
  maxDenied: number;
  /** Whether rules have the names that their comments in nft give. */
  nftComments?: boolean;
  /** Slots beside them for ended flows that wait for their last record; absent for none. */
  endedRoom?: number;
  /** Rules of somebody else that its connections may have. */
  otherRules?: number;
  /** Of these, for destinations that are added later. */
  spareEnded?: number | undefined;
}

export interface DeniedStats extends MatchCounts, DenyCounts {
  /** Denied flows stored now. */
  readonly flows: number;
  /** Packets that wait for the next poll now. */
  readonly pending: number;
  /** Where comments of rules are read. */
  readonly comments?: CommentCounts;
  /** What became of the logged packets. */
  readonly nflog: NflogCounts | undefined;
}

/** Packets of NFLOG on their way to a flow: one of the deny store, or the connection that has counted them. */
export class DeniedPackets {
  readonly #backend: Backend;
  readonly #options: DeniedOptions;
  readonly #log: Logger;
  readonly #store: DenyStore;
  readonly #rules: DeniedRules;
  readonly #comments: RuleComments | undefined;
  /** Prefixes at which numbers are freed next. */
  #crowded = MOST_PREFIXES / 2;
  readonly #correlator: ConntrackCorrelator;
  #idleMs: number;
  /** Which rule has denied a packet of each connection. */
  readonly connectionExtras: Required<Pick<FlowExtras, 'rules' | 'ruleFacts'>>;
  #source: NflogSource | undefined;
  /** Of the namespaces before. */
  #earlier: NflogCounts | undefined;

  /** @param idleMs a flow without a packet for so long has ended */
  constructor(
    backend: Backend,
    options: DeniedOptions,
    connections: AnnotatedStore,
    names: NameTable,
    idleMs: number,
    log: Logger,
  ) {
    this.#backend = backend;
    this.#options = options;
    this.#log = log;
    this.#idleMs = idleMs;
    if (options.nftComments)
      this.#comments = new RuleComments(async () => (await this.#source?.changedRules()) ?? null, log);
    const ruleOf = (group: number, prefix: string) => this.#comments?.of(group, prefix);
    const rules = new DeniedRules(names, number => this.#source!.prefix(number), ruleOf, options.otherRules);
    this.#rules = rules;
    this.#store = new DenyStore(options.maxDenied, options.endedRoom);
    this.#correlator = new ConntrackCorrelator(connections, this.#store, rules, now);
    this.connectionExtras = { rules: this.#correlator.ruleOf, ruleFacts: rules.facts };
  }

  /**
   * @param destinations a flow is over when it is idle at all of them
   * @returns undefined where they are all of profile nat, and have no denied packets
   */
  static create(
    backend: Backend,
    options: DeniedOptions,
    connections: AnnotatedStore,
    names: NameTable,
    destinations: readonly Taker[],
    log: Logger,
  ): DeniedPackets | undefined {
    const takers = destinations.filter(one => !isNat(one));
    if (takers.length === 0 && destinations.length > 0) return undefined;
    // without any destination they are counted nevertheless
    const idle = takers.length === 0 ? IDLE_MS : Math.max(...takers.map(one => one.idleFlowExportTimeout));
    const queues = takers.map(({ endedQueue }) => endedQueue);
    const room = endedRoom(options.maxDenied, queues, options.spareEnded);
    return new DeniedPackets(backend, { ...options, endedRoom: room }, connections, names, idle, log);
  }

  /** @param others what else is known of the denied flows */
  flows(others: (store: FlowStore) => FlowExtras): Flows {
    const extras = { ...others(this.#store), rules: this.#store.ruleOf, ruleFacts: this.#rules.facts };
    return { store: this.#store, extras };
  }

  /** @throws CtflowError as Backend.openNflog */
  open(): void {
    const receiver = {
      onBatch: (batch: Batch) => this.#correlator.packets(batch),
      onError: (error: Error) => this.#log.error(`${describeError(error)}; going on without denied packets`),
    };
    // the flows of a namespace before have the numbers of its prefixes
    const previous = this.#source;
    this.#source = this.#backend.openNflog({ ...this.#options, ...(previous && { previous }) }, receiver);
    if (previous) this.#earlier = addCounts(this.#earlier, previous.counts());
    const { groups } = this.#options;
    this.#log.info({ groups, receiveBuffer: this.#source.receiveBuffer }, 'receiving NFLOG packets');
  }

  get pollHook(): PollHook {
    return {
      beforeDump: () => this.#correlator.beforeDump(),
      afterPoll: async complete => {
        if (await this.#comments?.look()) this.#rules.readAgain();
        await this.#correlator.afterPoll(complete);
        this.endIdle();
        this.#tidy();
      },
    };
  }

  /** After a poll: numbers of prefixes that no flow and no connection has are free, when there is little room. */
  #tidy(): void {
    const source = this.#source;
    if (!source || source.prefixCount < this.#crowded) return;
    const { table } = this.#store;
    const used = this.#rules.keep(keep => {
      for (let slot = 0; slot < table.top; slot++) if (table.flags[slot] & IN_USE) keep(this.#store.ruleOf[slot]);
      this.#correlator.eachRule(keep);
    });
    source.keepPrefixes(used);
    this.#crowded = (MOST_PREFIXES + source.prefixCount) / 2;
  }

  /** Before an export: receives what the kernel has delivered, so that the last record of a connection has its rule. */
  async receiveAll(): Promise<void> {
    await this.#source?.drain();
  }

  /** Destinations are others, or have other timeouts now. */
  set destinations(all: readonly Taker[]) {
    const takers = all.filter(one => !isNat(one));
    if (takers.length > 0) this.#idleMs = Math.max(...takers.map(one => one.idleFlowExportTimeout));
  }

  endIdle(): void {
    this.#store.endIdle(this.#idleMs, performance.now());
  }

  /** Before the last poll: unbinds the groups, and receives what was logged until then. */
  async leave(): Promise<void> {
    try {
      await this.#source?.leave();
    } catch (error) {
      this.#log.error(describeError(error));
    }
  }

  /** After the last poll: packets that still wait are counted. */
  async drain(): Promise<void> {
    this.#source?.close();
    await this.#correlator.drain();
  }

  /** The namespace is gone: what was denied in it has ended. */
  endAll(): void {
    this.#store.endAll(performance.now());
  }

  close(): void {
    this.#source?.close();
  }

  /** Packets that are in no record: lost on their way here, or without room. Of lost ones the octets are not known. */
  lost(): Unexported {
    const { refusedPackets, refusedOctets } = this.#correlator.counts;
    const { lost = 0, malformed = 0 } = this.#counts() ?? {};
    return { connections: 0, packets: refusedPackets + lost + malformed, octets: refusedOctets };
  }

  stats(): DeniedStats {
    return {
      flows: this.#store.size,
      ...this.#store.counts,
      pending: this.#store.pending.count,
      ...this.#correlator.counts,
      ...(this.#comments && { comments: this.#comments.counts }),
      nflog: this.#counts(),
    };
  }

  #counts(): NflogCounts | undefined {
    return addCounts(this.#earlier, this.#source?.counts());
  }
}
