import type { PortRange } from '../../config/snat-ports.js';
import type { SnatEnds } from '../../daemon/top/page.js';
import type { Host } from '../doctor/host.js';

/** A rule that translates sources. */
export interface SourceNat {
  /** As nft has it: ip, ip6, inet. */
  readonly family: string;
  /** Those that it is for; all where it is absent. */
  readonly protocols?: ReadonlySet<string>;
  /** The address that it gives; any where it is absent. */
  readonly external?: string;
  /** Undefined where they are not known. */
  readonly ports: PortRange | undefined;
}

/**
 * Without ports in a rule the kernel keeps the port or takes another one from here; for a source port below 1024 from below 1024
 * (nf_nat_l4proto_unique_tuple in nf_nat_core.c).
 */
const DEFAULT_PORTS: PortRange = { from: 1_024, to: 65_535 };

interface NftObject {
  readonly rule?: { readonly family: string; readonly expr?: readonly Readonly<Record<string, unknown>>[] };
}

/** The rules of nft that translate sources, and of iptables with nft that there are some; or why they were not seen. */
export async function readSourceNats(host: Pick<Host, 'run'>): Promise<{ nats: SourceNat[]; unseen?: string }> {
  // without the elements of sets
  const { output, failure } = await host.run('nft', ['-j', '-t', 'list', 'ruleset']);
  const objects = output === undefined ? undefined : parse(output);
  if (!objects) return { nats: [], unseen: failure ?? 'it printed no JSON' };
  return { nats: objects.flatMap(({ rule }) => (rule ? natsOf(rule.family, rule.expr ?? []) : [])) };
}

function parse(text: string): readonly NftObject[] | undefined {
  try {
    return (JSON.parse(text) as { nftables?: readonly NftObject[] }).nftables;
  } catch {
    return undefined;
  }
}

function natsOf(family: string, statements: readonly Readonly<Record<string, unknown>>[]): SourceNat[] {
  let protocols: ReadonlySet<string> | undefined;
  const nats: SourceNat[] = [];
  for (const statement of statements) {
    if ('match' in statement) protocols = protocolsOf(statement['match'] as Match) ?? protocols;
    const about = { family, ...(protocols && { protocols }) };
    const nat = 'snat' in statement ? statement['snat'] : statement['masquerade'];
    if ('snat' in statement || 'masquerade' in statement) {
      const { addr, port } = (nat ?? {}) as { addr?: unknown; port?: unknown };
      nats.push({ ...about, ...(typeof addr === 'string' && { external: addr }), ports: portsOf(port) });
    }
    const { name } = (statement['xt'] ?? {}) as { name?: string };
    // nft shows but its name
    if (name === 'MASQUERADE' || name === 'SNAT') nats.push({ ...about, ports: undefined });
  }
  return nats;
}

interface Match {
  readonly op?: string;
  readonly left?: {
    readonly meta?: { readonly key?: string };
    readonly payload?: { readonly protocol?: string; readonly field?: string };
  };
  readonly right?: unknown;
}

const TRANSPORT: ReadonlySet<string> = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp']);

/** The protocols that a rule goes on with; undefined where it says nothing of them. */
function protocolsOf({ op, left, right }: Match): ReadonlySet<string> | undefined {
  const { meta, payload } = left ?? {};
  if (payload?.protocol !== undefined && TRANSPORT.has(payload.protocol)) return new Set([payload.protocol]);
  const ofPacket = payload && ['protocol', 'nexthdr'].includes(payload.field ?? '');
  if (op !== '==' || (meta?.key !== 'l4proto' && !ofPacket)) return undefined;
  const set = typeof right === 'object' ? (right as { set?: unknown } | null)?.set : right;
  const names = [set].flat();
  return names.every(name => typeof name === 'string') ? new Set(names) : undefined;
}

function portsOf(port: unknown): PortRange | undefined {
  if (port === undefined) return DEFAULT_PORTS;
  if (typeof port === 'number') return { from: port, to: port };
  const { range } = (port ?? {}) as { range?: unknown };
  const [from, to] = Array.isArray(range) ? (range as unknown[]) : [];
  return typeof from === 'number' && typeof to === 'number' ? { from, to } : undefined;
}

/** The ports that are taken between these ends; undefined where the rules leave it open. */
export function rangeOf(nats: readonly SourceNat[], { protocol, external }: SnatEnds): PortRange | undefined {
  const family = external.includes(':') ? 'ip6' : 'ip';
  const possible = nats.filter(
    nat =>
      (nat.family === family || nat.family === 'inet') &&
      (nat.protocols?.has(protocol) ?? true) &&
      (nat.external === undefined || nat.external === external),
  );
  // a rule that gives this very address, before one that may give any
  const named = possible.filter(nat => nat.external !== undefined);
  const [first, ...others] = (named.length > 0 ? named : possible).map(({ ports }) => ports);
  return others.every(ports => ports?.from === first?.from && ports?.to === first?.to) ? first : undefined;
}
