import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CLIENT, SERVER, type Topology } from './topology.js';

/** Of crates/ctflow-traffic. */
export const PROGRAM = fileURLToPath(new URL('../../target/release/ctflow-traffic', import.meta.url));

/** What is made. */
export interface TrafficPlan {
  /** A tuple that is used twice is two; those that last to the end are not in it. */
  readonly flows: number;
  /** Flows begun in a second. */
  readonly rate: number;
  /** Kinds of flows with their weight. */
  readonly mix: Readonly<Record<string, number>>;
  /** The same seed gives the same flows. */
  readonly seed: number;
  /** Requests of each flow, where they are not to be drawn. */
  readonly requests?: number;
  /** Flows of UDP, ICMP and TCP each that last to the end. */
  readonly long: number;
  /** Where flows go, IPv4 and IPv6, where it is not the server itself. */
  readonly servers?: readonly [string, string];
  /** Seconds after which the router has forgotten a flow without packets. */
  readonly forgotten: number;
}

/** What the generator says that it made. */
export interface TrafficSummary {
  /** That the router lets through. */
  readonly flows: number;
  readonly denied: number;
  readonly long: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly datagrams: number;
  readonly datagramOctets: number;
  readonly deniedDatagrams: number;
  readonly deniedOctets: number;
  readonly streamOctets: number;
  readonly failed: number;
  /** Until the last tuple was used for the first time. */
  readonly begunSeconds: number;
  /** Until the end of all that do not last. */
  readonly seconds: number;
}

/** Something that is waited for. */
interface Wait {
  readonly flows: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The traffic's two ends, each a process in its namespace. */
export class Generator {
  readonly #topology: Topology;
  readonly #plan: TrafficPlan;
  readonly #waits: Wait[] = [];
  #client: ChildProcessWithoutNullStreams | undefined;
  #made = 0;
  #summary: TrafficSummary | undefined;
  #failure: Error | undefined;
  #ended: Promise<void> | undefined;

  private constructor(topology: Topology, plan: TrafficPlan) {
    this.#topology = topology;
    this.#plan = plan;
  }

  /** Resolves when the server answers. */
  static async prepare(topology: Topology, plan: TrafficPlan): Promise<Generator> {
    const server = topology.server.spawn(PROGRAM, ['serve', ...SERVER]);
    const stderr = said(server);
    await new Promise<void>((resolve, reject) => {
      server.stdout.once('data', () => resolve());
      server.once('error', reject);
      server.once('exit', code =>
        reject(new Error(`the server's side of the traffic ended with ${code}: ${stderr()}`)),
      );
    });
    return new Generator(topology, plan);
  }

  /** The first flow. */
  begin(): void {
    const { flows, rate, mix, seed, requests, long, forgotten, servers = SERVER } = this.#plan;
    const flags = {
      clients: CLIENT.join(','),
      servers: servers.join(','),
      mix: Object.entries(mix)
        .map(([kind, weight]) => `${kind}=${weight}`)
        .join(','),
      flows,
      rate,
      seed,
      long,
      forgotten,
      ...(requests !== undefined && { requests }),
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const client = this.#topology.client.spawn(PROGRAM, ['send', ...args]);
    this.#client = client;
    const stderr = said(client);
    createInterface({ input: client.stdout }).on('line', line => this.#read(line));
    this.#ended = new Promise(resolve => {
      client.once('error', error => this.#fail(error));
      client.once('close', (code, signal) => {
        if (code !== 0) this.#fail(new Error(`the traffic ended with ${signal ?? code}: ${stderr()}`));
        resolve();
      });
    });
  }

  /** Resolves when this part of the flows, 0 to 1, has begun. */
  async reached(part: number): Promise<void> {
    await this.#wait(this.#plan.flows * part);
  }

  /** Resolves when all have ended that do not last to the end. */
  async done(): Promise<void> {
    await this.#wait(Infinity);
  }

  /** Ends what lasts to the end. */
  async finish(): Promise<TrafficSummary> {
    this.#client!.stdin.end();
    await this.#ended;
    if (this.#failure) throw this.#failure;
    return this.#summary!;
  }

  #wait(flows: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waits.push({ flows, resolve, reject });
      this.#settle();
    });
  }

  #read(line: string): void {
    if (line.startsWith('{')) this.#summary = JSON.parse(line) as TrafficSummary;
    else if (line === 'done') this.#made = Infinity;
    else this.#made = Number(line.split(' ')[1]);
    this.#settle();
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#settle();
  }

  #settle(): void {
    for (const wait of this.#waits.splice(0)) {
      if (this.#failure) wait.reject(this.#failure);
      else if (wait.flows <= this.#made) wait.resolve();
      else this.#waits.push(wait);
    }
  }
}

/** The last words of a process on standard error. */
function said(child: ChildProcessWithoutNullStreams): () => string {
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more: string) => (text = (text + more).slice(-2000)));
  return () => text;
}
