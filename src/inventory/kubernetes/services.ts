import { type AddressKey, keyOfText } from './addresses.js';
import type { EndpointFacts, PortFacts, ServiceFacts } from './facts.js';

/** Which service port an address and a port are: of services, of nodes, and of pods behind a service. */
export class ServiceTable {
  readonly #services = new Map<string, ServiceFacts>();
  readonly #byAddress = new Map<AddressKey, Set<ServiceFacts>>();
  /** By key those that have it on all nodes. */
  readonly #nodePorts = new Map<number, Set<ServiceFacts>>();
  readonly #slices = new Map<string, EndpointFacts>();
  /** By uid of a pod. */
  readonly #byPod = new Map<string, Set<EndpointFacts>>();

  get size(): number {
    return this.#services.size;
  }

  setService(facts: ServiceFacts): void {
    this.removeService(facts.uid);
    this.#services.set(facts.uid, facts);
    for (const key of keysOf(facts)) add(this.#byAddress, key, facts);
    for (const { key } of facts.nodePorts) add(this.#nodePorts, key, facts);
  }

  removeService(uid: string): void {
    const facts = this.#services.get(uid);
    if (!facts) return;
    this.#services.delete(uid);
    for (const key of keysOf(facts)) remove(this.#byAddress, key, facts);
    for (const { key } of facts.nodePorts) remove(this.#nodePorts, key, facts);
  }

  setEndpoints(facts: EndpointFacts): void {
    this.removeEndpoints(facts.uid);
    this.#slices.set(facts.uid, facts);
    for (const pod of facts.pods) add(this.#byPod, pod, facts);
  }

  removeEndpoints(uid: string): void {
    const facts = this.#slices.get(uid);
    if (!facts) return;
    this.#slices.delete(uid);
    for (const pod of facts.pods) remove(this.#byPod, pod, facts);
  }

  isService(address: AddressKey): boolean {
    return this.#byAddress.has(address);
  }

  /** @returns undefined where there was none when the flow started, or there are two */
  at(address: AddressKey, port: number, startMs: number): string | undefined {
    return nameIn(before(this.#byAddress.get(address), startMs), ({ ports }) => ports, port);
  }

  nodePort(port: number, startMs: number): string | undefined {
    return nameIn(before(this.#nodePorts.get(port), startMs), ({ nodePorts }) => nodePorts, port);
  }

  ofPod(uid: string, port: number): string | undefined {
    return nameIn([...(this.#byPod.get(uid) ?? [])], ({ ports }) => ports, port);
  }
}

function keysOf({ addresses }: ServiceFacts): AddressKey[] {
  return addresses.flatMap(text => keyOfText(text) ?? []);
}

/** Those that there were at that time. */
function before(all: ReadonlySet<ServiceFacts> | undefined, startMs: number): ServiceFacts[] {
  return [...(all ?? [])].filter(({ since }) => since <= startMs);
}

/** The one name that they have for the port. */
function nameIn<Of>(all: readonly Of[], portsOf: (one: Of) => readonly PortFacts[], key: number): string | undefined {
  const names = new Set<string>();
  for (const one of all) for (const port of portsOf(one)) if (port.key === key) names.add(port.name);
  return names.size === 1 ? [...names][0] : undefined;
}

function add<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}

function remove<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
