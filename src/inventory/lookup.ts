import type { NameTable } from '../record/name-table.js';
import type { BothRanges, CompiledInventory } from './compile.js';
import type { AddressLookup } from './inventory.js';
import { AF_INET } from '../row/protocol.js';
import { NOTHING, PrefixTable } from './prefix-table.js';

/** The tables of both families; an address is in one of them. */
class AddressTable {
  readonly #four: PrefixTable;
  readonly #six: PrefixTable;

  constructor(ranges: BothRanges) {
    this.#four = new PrefixTable(ranges.four);
    this.#six = new PrefixTable(ranges.six);
  }

  find(bytes: Uint8Array, at: number, family: number): number {
    return (family === AF_INET ? this.#four : this.#six).find(bytes, at);
  }
}

/** Who an address belongs to by a file. A name gets its number when it is asked for the first time. */
export class InventoryLookup implements AddressLookup {
  readonly #inventory: CompiledInventory;
  readonly #names: NameTable;
  readonly #owners: AddressTable;
  readonly #nodes: AddressTable;
  readonly #podPrefixes: AddressTable | undefined;
  readonly #services: AddressTable;
  /** By name of the inventory its number, 0 where it has none yet. */
  readonly #numbers: Uint32Array;

  constructor(inventory: CompiledInventory, names: NameTable) {
    this.#inventory = inventory;
    this.#names = names;
    this.#owners = new AddressTable(inventory.owners);
    this.#nodes = new AddressTable(inventory.nodes);
    this.#podPrefixes = inventory.podPrefixes && new AddressTable(inventory.podPrefixes);
    this.#services = new AddressTable(inventory.services);
    this.#numbers = new Uint32Array(inventory.names.length);
  }

  /**
   * The pod that had the address when the flow started.
   * @param startMs milliseconds since 1970
   * @returns for {@link podName} and its siblings; NOTHING where no pod is known
   */
  podAt(bytes: Uint8Array, at: number, family: number, startMs: number): number {
    const { ownerSince, ownerMore } = this.#inventory;
    let owner = this.#owners.find(bytes, at, family);
    while (owner !== NOTHING && ownerSince[owner] > startMs) owner = ownerMore[owner] ? owner + 1 : NOTHING;
    return owner;
  }

  podName(pod: number): number {
    return this.#number(this.#inventory.ownerName[pod]);
  }

  podNamespace(pod: number): number {
    return this.#number(this.#inventory.ownerNamespace[pod]);
  }

  /** The node that a pod runs on, where its entry has one. */
  podNode(pod: number): number {
    return this.#number(this.#inventory.ownerNode[pod]);
  }

  /** The node whose address this is, or in whose prefixes it lies. */
  nodeAt(bytes: Uint8Array, at: number, family: number): number {
    return this.#number(this.#nodes.find(bytes, at, family));
  }

  /** Whether the inventory lists the prefixes of pods: other addresses are none then. */
  get knowsPodPrefixes(): boolean {
    return this.#podPrefixes !== undefined;
  }

  inPodPrefix(bytes: Uint8Array, at: number, family: number): boolean {
    return this.#podPrefixes !== undefined && this.#podPrefixes.find(bytes, at, family) !== NOTHING;
  }

  isService(bytes: Uint8Array, at: number, family: number): boolean {
    return this.#services.find(bytes, at, family) !== NOTHING;
  }

  /** The name of a service port, NO_NAME where none is known. */
  servicePortAt(bytes: Uint8Array, at: number, family: number, protocol: number, port: number): number {
    const { portKey, portMore, portName } = this.#inventory;
    const key = protocol * 65536 + port;
    let entry = this.#services.find(bytes, at, family);
    while (entry !== NOTHING && portKey[entry] !== key) entry = portMore[entry] ? entry + 1 : NOTHING;
    return this.#number(portName[entry]);
  }

  /** The numbers that it has given out: see NameHolder. */
  eachName(keep: (number: number) => void): void {
    this.#numbers.forEach(keep);
  }

  #number(name: number): number {
    const known = this.#numbers[name];
    if (known !== 0 || name === 0) return known;
    return (this.#numbers[name] = this.#names.intern(this.#inventory.names[name]));
  }
}
