import { tcp } from '../builders/connections.js';
import type { Facts } from '../builders/rows.js';
import type { ObjectStore } from './api-server.js';
import { type Controller, nodeObject, podObject, serviceObject } from './objects.js';

const NODES = ['worker-1', 'worker-2'];
const PODS = 240;
const SERVICES = 20;
/** Pods that have been told to end, and run on for a moment. */
const ENDING = 8;
const NAMESPACES = ['shop', 'data', 'web'];
/** Milliseconds that a round may take for its flows to count: ctflow allows what the server says to be a second late. */
const HELD_UP_MS = 500;

/** What had an address, from its start to before its end: the truth. Milliseconds since 1970. */
export interface Life {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly from: number;
  to: number;
  /** The round in which it ended. */
  lastRound: number;
  /** Times that its labels have changed. */
  step: number;
}

/** A connection as it began. */
interface Begun {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly round: number;
  /** Its destination before NAT. */
  readonly serviceAddress: string;
}

/** A cluster in which pods and services come, go, and are given addresses that have just become free. */
export class ChangingCluster {
  changes = 0;
  /** What watches have to tell of them: the last state of what is gone, and that it is gone. */
  announced = NODES.length;
  readonly flows: Facts[] = [];
  readonly #server: ObjectStore;
  readonly #relabels: boolean;
  readonly #freePods: string[];
  readonly #freeServices: string[];
  /** By address. */
  readonly #lives = new Map<string, Life[]>();
  readonly #running: Life[] = [];
  readonly #ending: Life[] = [];
  readonly #services: Life[] = [];
  /** By source port. */
  readonly #begun = new Map<number, Begun>();
  /** Rounds in which the machine had something else to do. */
  readonly #heldUp = new Set<number>();
  #round = 0;
  #born = 0;
  #port = 10_000;

  /** @param relabels pods get other labels while they run */
  constructor(server: ObjectStore, relabels = false) {
    this.#server = server;
    this.#relabels = relabels;
    this.#freePods = Array.from({ length: PODS }, (_, i) => `10.1.${(i % NODES.length) + 1}.${i + 1}`);
    this.#freeServices = Array.from({ length: SERVICES }, (_, i) => `10.96.7.${i + 1}`);
    for (const [i, name] of NODES.entries())
      server.put('nodes', nodeObject(name, [`192.0.2.${i + 1}`], [`10.1.${i + 1}.0/24`]));
  }

  /** One pod or service is different. */
  #change(): void {
    const kind = this.changes++ % 16;
    if (kind === 3 && this.#services.length > SERVICES / 2) this.#endService();
    else if (kind === 3) this.#startService();
    else if (this.#relabels && kind === 5 && this.#running.length > 0) this.#relabel();
    else if (kind % 3 === 0 && this.#ending.length > ENDING) this.#remove();
    else if (kind % 3 === 1 && this.#running.length > PODS / 2) this.#end();
    else this.#startPod();
  }

  /**
   * Changes, and connections that begin.
   * @param applied settles when the server has made the changes; @param caughtUp when ctflow knows of all
   */
  async round(changes: number, applied: () => Promise<void>, caughtUp: () => Promise<unknown>): Promise<void> {
    const began = Date.now();
    for (let i = 0; i < changes; i++) this.#change();
    await applied();
    this.#connect();
    await caughtUp();
    if (Date.now() - began > HELD_UP_MS) this.#heldUp.add(this.#round);
    this.#round++;
  }

  /** Connections begin: to a service that stands for a pod, and to the outside. */
  #connect(): void {
    const running = this.#running;
    const pods = [running.at(this.changes % running.length), running.at(0), running.at(-1), this.#ending.at(-1)];
    const [one, ...others] = pods.filter(pod => pod !== undefined);
    if (!one) return;
    const now = Date.now();
    const service = this.#services.at(this.changes % 2 === 0 ? -1 : 0);
    for (const [i, other] of others.entries()) {
      const [from, to] = i % 2 === 0 ? [one, other] : [other, one];
      const nat = service && { destination: service.address, replySource: to.address };
      this.flows.push(this.#connection({ source: from.address, destination: to.address, ...nat }, now));
    }
    this.flows.push(this.#connection({ source: one.address, destination: '203.0.113.9' }, now));
  }

  /** Counters go on, and connections end. */
  goOn(most: number): void {
    if (this.flows.length > most) this.flows.splice(0, this.flows.length - most);
    for (const flow of this.flows) flow.counters = flow.counters!.map(count => Number(count) + 1) as never;
  }

  /** @returns undefined where nobody had it */
  podAt(address: string, moment: number): Life | undefined {
    return this.#lives.get(address)?.find(({ from, to }) => from <= moment && moment < to);
  }

  /** Names of the service ports that a flow can have gone to: nodes translate as they learn of services, so a moment later than the API. */
  servicePortsOf({ serviceAddress, start, round }: Begun): string[] {
    const lives = this.#lives.get(serviceAddress) ?? [];
    return lives
      .filter(({ from, to, lastRound }) => from <= start && (start < to || lastRound === round))
      .map(({ name, namespace }) => `${namespace}/${name}:p-${name}`);
  }

  isPod(address: string): boolean {
    return address.startsWith('10.1.');
  }

  nodeOf(address: string): string {
    return /^10\.1\.(\d)\./.exec(address)?.[1] === '1' ? NODES[0] : NODES[1];
  }

  /** @param port its source port @returns undefined where the machine was held up then */
  flow(port: number): Begun | undefined {
    const begun = this.#begun.get(port)!;
    return this.#heldUp.has(begun.round) ? undefined : begun;
  }

  #connection(addresses: Facts, now: number): Facts {
    this.#begun.set(this.#port, { start: now, round: this.#round, serviceAddress: addresses.destination! });
    return tcp(this.#port++, now, [1, 60, 1, 60], { destinationPort: 5432, ...addresses });
  }

  #begin(address: string): Life {
    const name = `n${this.#born}`;
    const namespace = NAMESPACES[this.#born++ % NAMESPACES.length];
    const life = { name, namespace, address, from: Date.now(), to: Number.POSITIVE_INFINITY, lastRound: -1, step: 0 };
    const before = this.#lives.get(address);
    if (before) before.push(life);
    else this.#lives.set(address, [life]);
    this.announced++;
    return life;
  }

  #startPod(): void {
    const address = this.#freePods.shift();
    if (address === undefined) return this.#end();
    const life = this.#begin(address);
    this.#running.push(life);
    this.#putPod(life);
  }

  #relabel(): void {
    const life = this.#running.at(-1)!;
    life.step++;
    this.announced++;
    this.#putPod(life);
  }

  /** Those of jobs end by themselves, the others are told to, and go some time later. */
  #end(): void {
    const life = this.#running.shift()!;
    if (this.#isJob(life)) {
      this.#putPod(life, { phase: 'Succeeded', finished: Date.now() });
      this.#leave(life, this.#freePods);
      return;
    }
    this.#ending.push(life);
    this.announced++;
    this.#putPod(life, { deleted: Date.now() });
  }

  #remove(): void {
    const life = this.#ending.shift()!;
    this.#server.remove('pods', `uid-${life.name}`);
    this.#leave(life, this.#freePods);
  }

  /** Whoever comes next gets the address at once. */
  #leave(life: Life, free: string[]): void {
    life.to = Date.now();
    life.lastRound = this.#round;
    this.announced += 2;
    free.unshift(life.address);
  }

  #isJob({ name }: Life): boolean {
    return Number(name.slice(1)) % 4 === 0;
  }

  #putPod(life: Life, more: Parameters<typeof podObject>[1] = {}): void {
    const { name, namespace, address, from } = life;
    const restartPolicy = this.#isJob(life) ? 'Never' : 'Always';
    const node = this.nodeOf(address);
    const facts = { namespace, node, addresses: [address], started: from, restartPolicy };
    const { controller, labels } = controlOf(life);
    const all = { ...labels, pod: name, step: String(life.step) };
    this.#server.put('pods', podObject(name, { ...facts, ...(controller && { controller }), labels: all, ...more }));
  }

  #startService(): void {
    const address = this.#freeServices.shift();
    if (address === undefined) return this.#endService();
    const life = this.#begin(address);
    this.#services.push(life);
    const ports = [{ name: `p-${life.name}`, port: 5432 }];
    const { metadata, ...rest } = serviceObject(life.name, [address], ports, { created: life.from });
    this.#server.put('services', { ...rest, metadata: { ...metadata, namespace: life.namespace } });
  }

  #endService(): void {
    const life = this.#services.shift()!;
    this.#server.remove('services', `uid-${life.name}`);
    this.#leave(life, this.#freeServices);
  }
}

/** By the number of the pod: of a Deployment, a StatefulSet, or of nobody. Each has one of its own, so that no two are taken for one another. */
function controlOf({ name }: Life): { controller?: Controller; labels?: Record<string, string> } {
  const kind = Number(name.slice(1)) % 3;
  if (kind === 0) return {};
  if (kind === 1) return { controller: { kind: 'StatefulSet', name: `set-${name}` } };
  const labels = { 'pod-template-hash': '5d9c7b' };
  return { controller: { kind: 'ReplicaSet', name: `web-${name}-5d9c7b` }, labels };
}

/** What a pod belongs to: the truth. */
export function workloadOf({ name }: Life): string {
  return ['', `statefulset/set-${name}`, `deployment/web-${name}`][Number(name.slice(1)) % 3];
}
