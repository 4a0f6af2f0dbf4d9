import { type AddressKey, keyOfText } from './addresses.js';
import type { EndpointFacts, Gone, PortFacts, ServiceFacts } from './facts.js';

/** Milliseconds for which a service that is gone is remembered: flows of its time may still come. */
const REMEMBERED_MS = 300_000;
/** Services that are gone; the longest gone are forgotten first. */
const MOST_REMEMBERED = 10_000;

interface Service {
  readonly facts: ServiceFacts;
  /** Its addresses may be another's from then on, milliseconds since 1970. */
  until: number;
}

/** Which service port an address and a port are: of services, of nodes, and of pods behind a service. */
export class ServiceTable {
  readonly #services = new Map<string, Service>();
  readonly #byAddress = new Map<AddressKey, Set<Service>>();
  /** By key those that have it on all nodes. */
  readonly #nodePorts = new Map<number, Set<Service>>();
  /** Those of no more, in the order in which they went. */
  readonly #gone = new Map<Service, number>();
  /** The earliest end of a service that was learned since {@link takeEnds}. */
  #endedFrom = Number.POSITIVE_INFINITY;
  readonly #slices = new Map<string, EndpointFacts>();
  /** By uid of a pod. */
  readonly #byPod = new Map<string, Set<EndpointFacts>>();

  get size(): number {
    return this.#services.size;
  }

  setService(facts: ServiceFacts): void {
    const before = this.#services.get(facts.uid);
    if (before) this.#forget(before);
    const service = { facts, until: Number.POSITIVE_INFINITY };
    this.#services.set(facts.uid, service);
    for (const key of keysOf(facts)) add(this.#byAddress, key, service);
    for (const { key } of facts.nodePorts) add(this.#nodePorts, key, service);
  }

  removeService({ uid, at }: Pick<Gone, 'uid' | 'at'>, now: number): void {
    const service = this.#services.get(uid);
    if (!service) return;
    this.#services.delete(uid);
    service.until = at;
    this.#gone.set(service, now);
    this.#endedFrom = Math.min(this.#endedFrom, at);
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
    return nameIn(during(this.#byAddress.get(address), startMs), portsOf, port);
  }

  nodePort(port: number, startMs: number): string | undefined {
    return nameIn(during(this.#nodePorts.get(port), startMs), nodePortsOf, port);
  }

  /** The port has had this name there, and none of those that gave it was there any more when the flow started. */
  refutes(address: AddressKey, port: number, startMs: number, isName: (name: string) => boolean): boolean {
    const named = [
      ...having(this.#byAddress.get(address), portsOf, port, isName),
      ...having(this.#nodePorts.get(port), nodePortsOf, port, isName),
    ];
    return named.length > 0 && named.every(({ until }) => startMs >= until);
  }

  /** See PodTable. */
  takeEnds(): number {
    const from = this.#endedFrom;
    this.#endedFrom = Number.POSITIVE_INFINITY;
    return from;
  }

  /** Forgets what nobody asks for any more. */
  tidy(now: number): void {
    for (const [service, at] of this.#gone) {
      if (at > now - REMEMBERED_MS && this.#gone.size <= MOST_REMEMBERED) return;
      this.#gone.delete(service);
      this.#forget(service);
    }
  }

  ofPod(uid: string, port: number): string | undefined {
    return nameIn([...(this.#byPod.get(uid) ?? [])], ({ ports }) => ports, port);
  }

  #forget(service: Service): void {
    for (const key of keysOf(service.facts)) remove(this.#byAddress, key, service);
    for (const { key } of service.facts.nodePorts) remove(this.#nodePorts, key, service);
  }
}

const portsOf = ({ facts }: Service): readonly PortFacts[] => facts.ports;
const nodePortsOf = ({ facts }: Service): readonly PortFacts[] => facts.nodePorts;

function keysOf({ addresses }: ServiceFacts): AddressKey[] {
  return addresses.flatMap(text => keyOfText(text) ?? []);
}

/** Those that there were at that time. */
function during(all: ReadonlySet<Service> | undefined, startMs: number): Service[] {
  return [...(all ?? [])].filter(({ facts, until }) => facts.since <= startMs && startMs < until);
}

/** Those whose port has the name. */
function having(
  all: ReadonlySet<Service> | undefined,
  ports: (service: Service) => readonly PortFacts[],
  key: number,
  isName: (name: string) => boolean,
): Service[] {
  return [...(all ?? [])].filter(service => ports(service).some(port => port.key === key && isName(port.name)));
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
