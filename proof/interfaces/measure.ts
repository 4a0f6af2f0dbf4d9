import { Decoder, valuesOf } from '../../test/helpers/builders/wire.js';
import { eventually } from '../../test/helpers/eventually.js';
import { Capture } from '../../test/helpers/kernel/capture.js';
import { type RunningCommand, startExporter } from '../../test/helpers/kernel/command.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { Traffic } from '../../test/helpers/kernel/traffic.js';
import { type Flow, SCENARIOS, type Scenario } from './scenarios.js';
import { flowKey, type FlowKey, Network, PORTS, type Seen } from './network.js';

/** Where nobody has a port of a server. */
const FIRST_PORT = 20_000;
/** Ports of a scenario. */
const EACH = 100;
/** Milliseconds that all flows of a scenario may take to be exported where others have the processor. */
const PATIENCE = 300_000;

/** Of one element in all flows of a scenario. */
export interface Verdicts {
  right: number;
  /** nft saw an interface, and no record has one. */
  leftOut: number;
  wrong: number;
}

/** How a scenario went. */
export interface Measured {
  readonly scenario: Scenario;
  readonly flows: number;
  readonly ingress: Verdicts;
  readonly egress: Verdicts;
}

export interface Measurement {
  readonly scenarios: readonly Measured[];
  /** Statistics of both exporters when they stopped: without and with the mark. */
  readonly routes: readonly Record<string, number>[];
  /** Names of interfaces in options records. */
  readonly names: readonly string[];
}

/** An exporter, and what it has sent. */
class Exporter {
  readonly #capture: Capture;
  readonly #command: RunningCommand;
  readonly #decoder = new Decoder();
  readonly #indices: ReadonlyMap<number, string>;
  readonly names = new Set<string>();
  readonly flows = new Map<FlowKey, Seen>();
  /** Source ports of the flows. */
  readonly ports = new Set<number>();
  #read = 0;

  private constructor(capture: Capture, command: RunningCommand, indices: ReadonlyMap<number, string>) {
    this.#capture = capture;
    this.#command = command;
    this.#indices = indices;
  }

  static async start(network: Network, port: number, flags: string): Promise<Exporter> {
    const capture = await Capture.udp(new Traffic(network.router), port);
    const to = [`udp://127.0.0.1:${port}`];
    const command = await startExporter(network.router, 'native', to, `--interfaces route ${flags}`);
    return new Exporter(capture, command, await network.interfaces());
  }

  /** Reads what has come. Of several records of a flow the first one counts, as it was made under the routes of its packets. */
  async read(): Promise<void> {
    const parts = await this.#capture.parts(this.#read);
    this.#read += parts.length;
    for (const record of this.#decoder.decode(parts.map(bytes => ({ bytes })))) {
      const values = valuesOf(record);
      const name = values['interfaceName'];
      if (typeof name === 'string') this.names.add(name);
      const source = values['sourceIPv4Address'] ?? values['sourceIPv6Address'];
      const destination = values['destinationIPv4Address'] ?? values['destinationIPv6Address'];
      if (source === undefined) continue;
      const key = flowKey(source, destination, values['sourceTransportPort']);
      if (this.flows.has(key)) continue;
      this.ports.add(Number(values['sourceTransportPort']));
      const [ingress, egress] = ['ingressInterface', 'egressInterface'].map(element => this.#nameOf(values[element]));
      this.flows.set(key, { ...(ingress !== undefined && { ingress }), ...(egress !== undefined && { egress }) });
    }
  }

  /** @returns its statistics of routes */
  async stop(): Promise<Record<string, number>> {
    const { code, stderr } = await this.#command.stop();
    const stopped = this.#command.log().find(({ msg }) => msg === 'stopped');
    if (code !== 0 || !stopped) throw new Error(`ctflow run: exit ${code}\n${stderr}`);
    return stopped['routes'] as Record<string, number>;
  }

  #nameOf(number: unknown): string | undefined {
    return number === undefined ? undefined : (this.#indices.get(Number(number)) ?? `interface ${String(number)}`);
  }
}

/** Makes the traffic of all scenarios, and compares what records say of their interfaces with what nft saw. */
export async function measure(scope: Scope): Promise<Measurement> {
  const network = await Network.create(scope);
  const [unmarked, marked] = [
    await Exporter.start(network, 4739, ''),
    await Exporter.start(network, 4740, '--route-mark ctmark'),
  ];
  const scenarios: Measured[] = [];
  for (const [number, scenario] of SCENARIOS.entries()) {
    const port = FIRST_PORT + number * EACH;
    const exporter = scenario.ctmark ? marked : unmarked;
    await scenario.begin?.(network);
    for (const [i, flow] of scenario.flows.entries()) await make(network, flow, port + i);
    await eventually(
      `all flows of '${scenario.name}' are exported`,
      async () => {
        await exporter.read();
        return scenario.flows.every((_, i) => exporter.ports.has(port + i));
      },
      PATIENCE,
    );
    // the kernel shows a connection when its packet has passed all hooks
    const seen = [...(await network.seen())].filter(([key]) => {
      const source = Number(key.split(' ')[2]);
      return source >= port && source < port + scenario.flows.length;
    });
    await scenario.end?.(network);
    const verdicts = (side: 'ingress' | 'egress'): Verdicts => judge(seen, exporter.flows, side);
    scenarios.push({ scenario, flows: seen.length, ingress: verdicts('ingress'), egress: verdicts('egress') });
  }
  const routes = [await unmarked.stop(), await marked.stop()];
  return { scenarios, routes, names: [...unmarked.names].toSorted() };
}

async function make(network: Network, { from, local, to, port }: Flow, source: number): Promise<void> {
  const ends = { host: to, port, from: source, ...(local !== undefined && { local }) };
  const traffic = network.traffic[from];
  if (port === PORTS.tcp) await traffic.do('tcpOpen', { ...ends, send: 1, expect: 1 });
  else await traffic.do('udpSend', { ...ends, packets: 1, size: 10, answered: false });
}

function judge(
  seen: readonly (readonly [FlowKey, Seen])[],
  exported: ReadonlyMap<FlowKey, Seen>,
  side: 'ingress' | 'egress',
): Verdicts {
  const verdicts = { right: 0, leftOut: 0, wrong: 0 };
  for (const [key, { [side]: truth }] of seen) {
    const said = exported.get(key)?.[side];
    if (said === truth) verdicts.right++;
    else if (said === undefined) verdicts.leftOut++;
    else verdicts.wrong++;
  }
  return verdicts;
}
