import { parsePrefix, type Prefix } from '../common/prefix.js';
import type { InventorySize } from './inventory.js';
import { makeRanges, type Ranges } from './prefix-table.js';
import type { Inventory } from './schema.js';

/** Ranges of both families. */
export interface BothRanges {
  readonly four: Ranges;
  readonly six: Ranges;
}

/** An inventory as look-ups want it: nothing but names and typed arrays. All numbers begin at 1; 0 is none. */
export interface CompiledInventory {
  readonly size: InventorySize;
  /** The first one is empty. */
  readonly names: readonly string[];
  /** By address the first of its owners, the latest one in front. */
  readonly owners: BothRanges;
  /** By owner: name, namespace and node, as names. */
  readonly ownerName: Uint32Array;
  readonly ownerNamespace: Uint32Array;
  readonly ownerNode: Uint32Array;
  /** By owner: it holds for flows that started at or after this, milliseconds since 1970. */
  readonly ownerSince: Float64Array;
  /** By owner: 1 where the next one had the same address before. */
  readonly ownerMore: Uint8Array;
  /** By prefix the node's name. */
  readonly nodes: BothRanges;
  /** 1 where addresses are pods'; absent where the inventory has none. */
  readonly podPrefixes: BothRanges | undefined;
  /** By address the first of its service ports. */
  readonly services: BothRanges;
  /** By service port: protocol * 65536 + port, and its name. */
  readonly portKey: Uint32Array;
  readonly portName: Uint32Array;
  /** By service port: 1 where the next one has the same address. */
  readonly portMore: Uint8Array;
}

/** This host's own, whatever it is called. */
const LOOPBACK = ['127.0.0.0/8', '::1'].map(text => parsePrefix(text)!);

/** Names by number, each once. */
class Names {
  readonly all: string[] = [''];
  readonly #numbers = new Map([['', 0]]);

  number(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.all.push(name) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }
}

/** Entries that share their address stand side by side. */
class Groups<Entry> {
  readonly #byAddress = new Map<string, { address: Prefix; entries: Entry[] }>();

  add(address: Prefix, entry: Entry): void {
    const key = `${address.family} ${address.first.toString(16)}`;
    const group = this.#byAddress.get(key);
    if (group) group.entries.push(entry);
    else this.#byAddress.set(key, { address, entries: [entry] });
  }

  /** @param order of the entries of one address */
  lay(order: (a: Entry, b: Entry) => number): { ranges: BothRanges; entries: Entry[]; more: Uint8Array } {
    const addresses: Prefix[] = [];
    const firsts: number[] = [];
    const all: Entry[] = [];
    const lasts: number[] = [];
    for (const { address, entries } of this.#byAddress.values()) {
      addresses.push(address);
      firsts.push(all.length + 1);
      for (const entry of entries.sort(order)) all.push(entry);
      lasts.push(all.length);
    }
    const more = new Uint8Array(all.length + 1).fill(1, 1);
    for (const last of lasts) more[last] = 0;
    return { ranges: both(addresses, firsts), entries: all, more };
  }
}

export function compileInventory(inventory: Inventory): CompiledInventory {
  const names = new Names();
  const here = inventory.node;
  const owners = new Groups<Inventory['pods'][number]>();
  for (const pod of inventory.pods) for (const address of pod.addresses) owners.add(address, pod);
  const pods = owners.lay((a, b) => (b.since ?? -Infinity) - (a.since ?? -Infinity) || 0);
  const ports = new Groups<{ key: number; name: string }>();
  for (const service of inventory.services) {
    for (const port of service.ports) {
      const entry = { key: port.protocol * 65536 + port.port, name: servicePortName(service, port.name) };
      for (const address of service.addresses) ports.add(address, entry);
    }
  }
  const services = ports.lay((a, b) => a.key - b.key);
  const loopback = here === undefined ? [] : LOOPBACK.map(address => ({ address, name: here }));
  const listed = inventory.nodes.flatMap(node => node.addresses.map(address => ({ address, name: node.name })));
  const nodes = [...loopback, ...listed];
  const { podPrefixes } = inventory;
  const columnOf = <Entry>(entries: readonly Entry[], name: (entry: Entry) => string): Uint32Array =>
    Uint32Array.from([0, ...entries.map(entry => names.number(name(entry)))]);
  return {
    size: {
      pods: inventory.pods.length,
      nodes: inventory.nodes.length,
      services: inventory.services.length,
      podPrefixes: podPrefixes?.length ?? 0,
    },
    owners: pods.ranges,
    ownerName: columnOf(pods.entries, pod => pod.name),
    ownerNamespace: columnOf(pods.entries, pod => pod.namespace),
    ownerNode: columnOf(pods.entries, pod => pod.node ?? here ?? ''),
    ownerSince: Float64Array.from([0, ...pods.entries.map(pod => pod.since ?? -Infinity)]),
    ownerMore: pods.more,
    nodes: both(
      nodes.map(({ address }) => address),
      nodes.map(({ name }) => names.number(name)),
    ),
    podPrefixes:
      podPrefixes &&
      both(
        podPrefixes,
        podPrefixes.map(() => 1),
      ),
    services: services.ranges,
    portKey: Uint32Array.from([0, ...services.entries.map(({ key }) => key)]),
    portName: columnOf(services.entries, ({ name }) => name),
    portMore: services.more,
    names: names.all,
  };
}

/** As Antrea writes it: `namespace/name:port`, or without the port where it has no name. */
function servicePortName(service: { name: string; namespace: string }, port: string | undefined): string {
  return `${service.namespace}/${service.name}${port === undefined ? '' : `:${port}`}`;
}

function both(prefixes: readonly Prefix[], values: readonly number[]): BothRanges {
  return { four: makeRanges(4, prefixes, values), six: makeRanges(6, prefixes, values) };
}
