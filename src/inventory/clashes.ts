import type { Prefix } from '../common/prefix.js';
import type { Inventory } from './schema.js';

/** Two entries that cannot both be right. */
export interface Clash {
  /** Of the later entry. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint: string;
}

/** Each address, prefix or port that is given to two. */
export function findClashes(inventory: Inventory): Clash[] {
  return [...podClashes(inventory), ...nodeClashes(inventory), ...serviceClashes(inventory)];
}

function* podClashes({ pods }: Inventory): Generator<Clash> {
  const seen = new Map<string, string>();
  for (const [i, pod] of pods.entries()) {
    const owner = `${pod.namespace}/${pod.name}`;
    for (const [j, address] of pod.addresses.entries()) {
      const other = claim(seen, `${keyOf(address)} ${pod.since ?? 'ever'}`, owner);
      if (other === undefined) continue;
      yield {
        path: ['pods', i, 'addresses', j],
        message: `belongs to ${other} too`,
        hint: "Give the later one its own 'since', and leave out pods that share the address of their node",
      };
    }
  }
}

function* nodeClashes({ nodes }: Inventory): Generator<Clash> {
  const seen = new Map<string, string>();
  for (const [i, { name, addresses }] of nodes.entries()) {
    for (const [j, address] of addresses.entries()) {
      const other = claim(seen, keyOf(address), name);
      if (other === undefined || other === name) continue;
      yield {
        path: ['nodes', i, 'addresses', j],
        message: `belongs to ${other} too`,
        hint: 'An address or a prefix belongs to one node',
      };
    }
  }
}

function* serviceClashes({ services }: Inventory): Generator<Clash> {
  const seen = new Map<string, string>();
  for (const [i, { name, namespace, addresses, ports }] of services.entries()) {
    for (const [j, { port, protocol }] of ports.entries()) {
      for (const address of addresses) {
        const other = claim(seen, `${keyOf(address)} ${protocol} ${port}`, `${namespace}/${name}`);
        if (other === undefined) continue;
        yield {
          path: ['services', i, 'ports', j],
          message: `is a port of ${other} at the same address`,
          hint: 'An address, a port and a protocol belong to one service port',
        };
      }
    }
  }
}

function claim(seen: Map<string, string>, key: string, owner: string): string | undefined {
  const other = seen.get(key);
  if (other === undefined) seen.set(key, owner);
  return other;
}

function keyOf({ family, first, length }: Prefix): string {
  return `${family} ${first.toString(16)}/${length}`;
}
