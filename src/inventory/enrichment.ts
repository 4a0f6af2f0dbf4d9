import { FLOW_NAMES, POD_FACTS, type FlowExtras } from '../encoder/columns.js';
import { IN_USE } from '../store/connection-table.js';
import type { FlowStore, StoreListener } from '../store/flow-store.js';
import { FlowPods } from './flow-pods.js';
import type { AddressLookup, InventoryChange } from './inventory.js';
import { NOTHING } from './prefix-table.js';
import {
  FAMILY,
  ORIG_DPORT,
  ORIG_DST,
  ORIG_SRC,
  PROTOCOL,
  REPLY_SPORT,
  REPLY_SRC,
  ROW_SIZE,
} from '../row/layout.generated.js';
import { NO_NAME, type NameHolder, type NameTable } from '../record/name-table.js';

/** flowType of Antrea (PEN 56506, IE 137). */
export const INTRA_NODE = 1;
export const INTER_NODE = 2;
export const TO_EXTERNAL = 3;
export const FROM_EXTERNAL = 4;
/** It cannot be known. */
const NO_TYPE = 0;

/**
 * Names of a flow, in the order in which a record has them: pod, namespace and node of either side, and the service
 * port.
 */
const NAMES = FLOW_NAMES;
const SOURCE = 0;
const DESTINATION = 3;
const SERVICE_PORT = 6;
/** Of a side. */
const POD = 0;
const NAMESPACE = 1;
const NODE = 2;

/** Flows looked up again before the event loop gets its turn. */
const SLICE = 4096;

/**
 * Who the flows of a store belong to, by an inventory. Each is looked up once, when the store gets it; and what stayed
 * open is looked up again when the inventory has changed. An answer that was given stands as long as the flow.
 */
export class Enrichment implements StoreListener, NameHolder {
  readonly #store: FlowStore;
  /** NAMES numbers a slot. */
  readonly #names: Uint32Array;
  readonly #types: Uint8Array;
  /** Where more of pods is known than their names. */
  readonly #pods: FlowPods | undefined;
  /** The store's rows by half words. */
  readonly #ports: Uint16Array;
  #inventory: AddressLookup;

  /**
   * All memory is taken here, for as many flows as the store can have; the operating system commits it when it is used.
   */
  constructor(store: FlowStore, inventory: AddressLookup, names: NameTable) {
    const { capacity } = store.table;
    this.#store = store;
    this.#names = new Uint32Array(capacity * NAMES);
    this.#types = new Uint8Array(capacity);
    this.#pods = inventory.podWorkload && new FlowPods(capacity);
    this.#ports = new Uint16Array(store.table.rows.buffer, store.table.rows.byteOffset);
    this.#inventory = inventory;
    store.subscribe(this);
    names.hold(this);
  }

  /** Something is known anew; flows with an open question are looked up in slices. Settles when all have been. */
  async use({ lookup, reviewFrom = Number.POSITIVE_INFINITY, changedPods }: InventoryChange): Promise<void> {
    this.#inventory = lookup;
    const { table } = this.#store;
    for (let from = 0; from < table.top; from += SLICE) {
      const to = Math.min(from + SLICE, table.top);
      for (let slot = from; slot < to; slot++) {
        if (!(table.flags[slot] & IN_USE)) continue;
        if (table.startMs(slot) >= reviewFrom) this.#review(slot);
        this.#complete(slot);
        if (changedPods) this.#pods?.refresh(slot, changedPods, lookup);
      }
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  added(slot: number): void {
    this.#names.fill(NO_NAME, slot * NAMES, (slot + 1) * NAMES);
    this.#types[slot] = NO_TYPE;
    this.#pods?.clear(slot);
    this.#complete(slot);
  }

  /** What records have of it. A service that is known has its fields, whether the destination was translated here or not. */
  get extras(): FlowExtras {
    return {
      names: this.#names,
      types: this.#types,
      ...(this.#pods && { podFacts: this.#pods.facts }),
      ...(this.#inventory.podLabels && { podLabels: true }),
    };
  }

  eachName(keep: (number: number) => void): void {
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      if (!(flags[slot] & IN_USE)) continue;
      for (let i = slot * NAMES; i < (slot + 1) * NAMES; i++) keep(this.#names[i]);
      if (this.#pods) for (let i = slot * POD_FACTS; i < (slot + 1) * POD_FACTS; i++) keep(this.#pods.facts[i]);
    }
    this.#inventory.eachName(keep);
  }

  /** Takes back what was said of a flow and is refuted by now. */
  #review(slot: number): void {
    const inventory = this.#inventory;
    const { bytes } = this.#store.table;
    const row = slot * ROW_SIZE;
    const start = this.#store.table.startMs(slot);
    for (const side of [SOURCE, DESTINATION]) {
      const at = slot * NAMES + side;
      const pod = this.#pods?.of(slot, endOf(side)) ?? NOTHING;
      if (pod === NOTHING || !inventory.refutes?.(pod, start)) continue;
      this.#pods?.set(slot, endOf(side), NOTHING, inventory);
      this.#names.fill(NO_NAME, at, at + SERVICE_PORT - DESTINATION);
      this.#names[slot * NAMES + SERVICE_PORT] = NO_NAME;
      this.#types[slot] = NO_TYPE;
    }
    const service = slot * NAMES + SERVICE_PORT;
    const given = this.#names[service];
    const port = this.#ports[(row + ORIG_DPORT) >> 1];
    const [family, protocol] = [bytes[row + FAMILY], bytes[row + PROTOCOL]];
    if (
      given !== NO_NAME &&
      inventory.refutesServicePort?.(bytes, row + ORIG_DST, family, protocol, port, start, given)
    )
      this.#names[service] = NO_NAME;
  }

  /** Fills in what is not yet known of a flow. */
  #complete(slot: number): void {
    const { bytes } = this.#store.table;
    const row = slot * ROW_SIZE;
    const family = bytes[row + FAMILY];
    this.#completeSide(slot, SOURCE, row + ORIG_SRC, family);
    this.#completeSide(slot, DESTINATION, row + REPLY_SRC, family);
    const service = slot * NAMES + SERVICE_PORT;
    if (this.#names[service] === NO_NAME) {
      // of ICMP there is no service, whatever stands in place of its port
      const port = this.#ports[(row + ORIG_DPORT) >> 1];
      const protocol = bytes[row + PROTOCOL];
      this.#names[service] =
        this.#inventory.servicePortAt(bytes, row + ORIG_DST, family, protocol, port, this.#store.table.startMs(slot)) ||
        this.#endpointPort(slot, row, family, protocol);
    }
    if (this.#types[slot] === NO_TYPE) this.#types[slot] = this.#flowType(slot, row, family);
  }

  /** A later inventory adds facts of the same pod alone: another may have the address by then. */
  #completeSide(slot: number, side: number, address: number, family: number): void {
    const names = this.#names;
    const at = slot * NAMES + side;
    if (names[at + POD] !== NO_NAME && names[at + NODE] !== NO_NAME) return;
    const inventory = this.#inventory;
    const { table } = this.#store;
    const { bytes } = table;
    const pod = inventory.podAt(bytes, address, family, table.startMs(slot));
    let node: number = NO_NAME;
    if (pod !== NOTHING) node = inventory.podNode(pod);
    if (node === NO_NAME) node = inventory.nodeAt(bytes, address, family);
    const givenPod = names[at + POD];
    const givenNode = names[at + NODE];
    if (pod !== NOTHING && givenPod === NO_NAME && (givenNode === NO_NAME || node === NO_NAME || givenNode === node)) {
      names[at + POD] = inventory.podName(pod);
      names[at + NAMESPACE] = inventory.podNamespace(pod);
      if (names[at + POD] !== NO_NAME) this.#pods?.set(slot, endOf(side), pod, inventory);
    }
    const samePod =
      givenPod === NO_NAME ||
      (pod !== NOTHING && givenPod === inventory.podName(pod) && names[at + NAMESPACE] === inventory.podNamespace(pod));
    if (givenNode === NO_NAME && samePod) names[at + NODE] = node;
  }

  /** Of a destination that is a pod behind a service: it was translated elsewhere, or the service has no address of its own. */
  #endpointPort(slot: number, row: number, family: number, protocol: number): number {
    const { table } = this.#store;
    const inventory = this.#inventory;
    if (!inventory.endpointPort) return NO_NAME;
    const pod = inventory.podAt(table.bytes, row + REPLY_SRC, family, table.startMs(slot));
    return pod === NOTHING ? NO_NAME : inventory.endpointPort(pod, protocol, this.#ports[(row + REPLY_SPORT) >> 1]);
  }

  #flowType(slot: number, row: number, family: number): number {
    const inventory = this.#inventory;
    const { bytes } = this.#store.table;
    const at = slot * NAMES;
    const isPod = (side: number, address: number): boolean =>
      this.#names[at + side + POD] !== NO_NAME || inventory.inPodPrefix(bytes, row + address, family);
    const fromPod = isPod(SOURCE, ORIG_SRC);
    const toPod = isPod(DESTINATION, REPLY_SRC);
    if (fromPod && toPod) {
      const source = this.#names[at + SOURCE + NODE];
      const destination = this.#names[at + DESTINATION + NODE];
      if (source === NO_NAME || destination === NO_NAME) return NO_TYPE;
      return source === destination ? INTRA_NODE : INTER_NODE;
    }
    // an unlisted pod, or one behind a service, must not count as external
    if (!inventory.knowsPodPrefixes || (!fromPod && !toPod)) return NO_TYPE;
    if (toPod) return FROM_EXTERNAL;
    return inventory.isService(bytes, row + REPLY_SRC, family) ? NO_TYPE : TO_EXTERNAL;
  }
}

/** As FlowPods counts them. */
function endOf(side: number): number {
  return side === SOURCE ? 0 : 1;
}
