import type { ExecutionContext } from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { startExporter, type RunningCommand } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { Decoder, valuesOf } from '../../helpers/builders/wire.js';

export const CLIENT = '192.0.2.2';
export const SERVER = '198.51.100.2';

export type Values = Readonly<Record<string, unknown>>;

/** A client and a server with a router between them that tracks connections and denies some. */
export interface Scene {
  readonly router: PrivateNamespace;
  readonly client: PrivateNamespace;
  readonly server: PrivateNamespace;
}

export async function denyingRouter(t: ExecutionContext, rules: string): Promise<Scene> {
  const router = await PrivateNamespace.create(t);
  const [client, server] = [await router.nest(), await router.nest()];
  await router.link({ name: 'inside', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] }, client, {
    name: 'uplink',
    addresses: [`${CLIENT}/24`, '2001:db8:1::2/64'],
  });
  await router.link({ name: 'outside', addresses: ['198.51.100.1/24', '2001:db8:2::1/64'] }, server, {
    name: 'uplink',
    addresses: [`${SERVER}/24`, '2001:db8:2::2/64'],
  });
  await client.run('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
  await client.run('ip', ['-6', 'route', 'add', 'default', 'via', '2001:db8:1::1']);
  await server.run('ip', ['route', 'add', 'default', 'via', '198.51.100.1']);
  await server.run('ip', ['-6', 'route', 'add', 'default', 'via', '2001:db8:2::1']);
  await router.track();
  await router.sysctl('nf_conntrack_events', 1);
  await router.sysctl('ipv4/ip_forward', 1);
  await router.sysctl('ipv6/conf/all/forwarding', 1);
  await router.nft(rules);
  return { router, client, server };
}

/** An exporter on the router that reads group 5, and what it tells. */
export class DenialExport {
  readonly exporter: RunningCommand;
  readonly #capture: Capture;

  private constructor(exporter: RunningCommand, capture: Capture) {
    this.exporter = exporter;
    this.#capture = capture;
  }

  static async start(router: PrivateNamespace, flags = ''): Promise<DenialExport> {
    const capture = await Capture.udp(new Traffic(router), 4739);
    const exporter = await startExporter(
      router,
      'native',
      ['udp://127.0.0.1:4739'],
      `--nflog-group 5 --idle-flow-export-timeout 1h ${flags}`,
    );
    return new DenialExport(exporter, capture);
  }

  /** What it has told up to now, or in `parts`. */
  async records(parts?: Buffer[]): Promise<Values[]> {
    const messages = (parts ?? (await this.#capture.parts())).map(bytes => ({ bytes }));
    return new Decoder('udp')
      .decode(messages)
      .map(valuesOf)
      .filter(({ flowId, firewallEvent, protocolIdentifier }) => flowId ?? firewallEvent ?? protocolIdentifier);
  }

  /** Stops the exporter. @returns its records and the counts of its last line about denied packets */
  async stop(t: ExecutionContext): Promise<{ records: Values[]; counts: Record<string, number> }> {
    const { code, stderr } = await this.exporter.stop();
    t.is(code, 0, stderr);
    const last = this.exporter.log().find(({ msg }) => msg === 'stopped')!;
    return {
      records: await this.records(await this.#capture.everything()),
      counts: last['denied'] as Record<string, number>,
    };
  }
}

/** One flow as its records tell it together. */
export interface Flow {
  readonly packets: number;
  readonly octets: number;
  readonly replyPackets: number;
  readonly replyOctets: number;
  readonly denied: unknown;
  readonly forwardingStatus: unknown;
  /** Reason of the last record. */
  readonly reason: unknown;
}

/** The flows of records with this destination port, by flow id. */
export function flowsTo(records: readonly Values[], port: number): Flow[] {
  const byId = new Map<unknown, Values[]>();
  for (const record of records.filter(({ destinationTransportPort }) => destinationTransportPort === port)) {
    const id = String(record['flowId']);
    byId.set(id, [...(byId.get(id) ?? []), record]);
  }
  return [...byId.values()].map(list => {
    const sum = (name: string) => list.reduce((all, { [name]: value }) => all + Number(value ?? 0), 0);
    const last = list.at(-1)!;
    return {
      packets: sum('packetDeltaCount'),
      octets: sum('octetDeltaCount'),
      replyPackets: sum('reversePacketDeltaCount'),
      replyOctets: sum('reverseOctetDeltaCount'),
      denied: last['firewallEvent'],
      forwardingStatus: last['forwardingStatus'],
      reason: last['flowEndReason'],
    };
  });
}

/** Packets and octets of a named counter. */
export async function ruleCounter(
  namespace: PrivateNamespace,
  name: string,
): Promise<[packets: number, octets: number]> {
  const listed = JSON.parse(await namespace.run('nft', ['-j', 'list', 'counter', 'inet', 'deny', name]));
  const { packets, bytes } = listed.nftables[1].counter;
  return [packets, bytes];
}
