import type { Host, Ran } from '../host.js';

export type Family = 'IPv4' | 'IPv6';

/** A rule, as a person finds it, and the command that removes it. */
export interface SeenRule {
  readonly rule: string;
  readonly remove: string;
}

/** A rule of nft that logs to an NFLOG group. */
export interface LogRule {
  readonly group: number;
  /** Empty where it has none; so is the comment. */
  readonly prefix: string;
  readonly comment: string;
  readonly rejects: boolean;
  /** Family, table and chain; and its number there. */
  readonly where: string;
  readonly handle: number;
}

export interface Flowtable {
  readonly name: string;
  readonly counts: boolean;
  /** Makes it count. */
  readonly mend: string;
}

/** What the rules of a namespace do that concerns an export. */
export interface Rules {
  /** What could not be seen, and why. */
  readonly unseen: readonly string[];
  /** What would show it. */
  readonly toSee: string | undefined;
  /** Families whose packets some rule wants tracked. */
  readonly tracked: ReadonlySet<Family>;
  readonly notrack: readonly SeenRule[];
  /** NFLOG groups that rules log to, and how many do. */
  readonly logGroups: ReadonlyMap<number, number>;
  readonly logRules: readonly LogRule[];
  readonly flowtables: readonly Flowtable[];
}

/** Expressions of nft that take conntrack into use (nf_ct_netns_get in net/netfilter/nft_*.c). */
const NFT_TRACKS = new Set([
  'ct',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'ct count',
  'masquerade',
  'snat',
  'dnat',
  'redirect',
  'flow',
  'synproxy',
]);
/** The same of iptables; a CT target that is not --notrack does, too. */
const XT_TRACKS =
  /-m (conntrack|state|connmark|connlimit|connbytes|connlabel|helper|cluster)\b|-j (MASQUERADE|SNAT|DNAT|REDIRECT|NETMAP|CONNMARK|CONNSECMARK|SYNPROXY|CT(?!\S| --notrack))\b/;
const XT_NAMES = new Set(
  'conntrack state connmark connlimit connbytes connlabel helper cluster MASQUERADE SNAT DNAT REDIRECT NETMAP CONNMARK CONNSECMARK SYNPROXY'.split(
    ' ',
  ),
);
const XT_NOTRACK = /-j (CT .*--notrack|NOTRACK)\b/;
const IPTABLES = { 'iptables-save': 'IPv4', 'ip6tables-save': 'IPv6' } as const;

interface Found {
  unseen: string[];
  toSee: string | undefined;
  tracked: Set<Family>;
  notrack: SeenRule[];
  logGroups: Map<number, number>;
  logRules: LogRule[];
  flowtables: Flowtable[];
}

/** Reads the rules of nft and of iptables, of both its kinds. */
export async function readRules(host: Host): Promise<Rules> {
  const found: Found = {
    unseen: [],
    toSee: undefined,
    tracked: new Set(),
    notrack: [],
    logGroups: new Map(),
    logRules: [],
    flowtables: [],
  };
  // without the elements of sets
  const nft = await host.run('nft', ['-j', '-t', 'list', 'ruleset']);
  const rules = nft.output === undefined ? undefined : parse(nft.output);
  const ofIptables = rules ? readNft(host, rules, found) : false;
  if (!rules) miss(found, 'rules of nft', { failure: 'it printed no JSON', ...nft }, host.line('apt install nftables'));
  // its JSON does not say which of them count
  const tables = nft.output === undefined ? nft : await host.run('nft', ['list', 'flowtables']);
  if (tables.output !== undefined) found.flowtables.push(...readFlowtables(host, tables.output));
  const legacy = ['ip', 'ip6'].some(family => host.read(`/proc/net/${family}_tables_names`)?.trim());
  for (const [program, family] of Object.entries(IPTABLES)) {
    const saved = await host.run(program, []);
    if (saved.output !== undefined) readIptables(host, saved.output, family, found);
    else if (ofIptables || legacy) miss(found, `rules of iptables (${family})`, saved, 'apt install iptables');
  }
  return found;
}

function miss(found: Found, what: string, { failure, absent }: Ran, install: string): void {
  found.unseen.push(`${what}: ${failure}`);
  found.toSee ??= absent ? install : 'sudo ctflow doctor';
}

interface NftRule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly comment?: string;
  readonly expr?: readonly unknown[];
}

interface NftObject {
  readonly rule?: NftRule;
}

/** An nft without JSON prints something else, and so does another program of that name. */
function parse(text: string): readonly NftObject[] | undefined {
  try {
    return (JSON.parse(text) as { nftables?: readonly NftObject[] }).nftables;
  } catch {
    return undefined;
  }
}

/** @returns whether some rules are of iptables, of which nft shows but the names */
function readNft(host: Host, nftables: readonly NftObject[], found: Found): boolean {
  let ofIptables = false;
  for (const { rule } of nftables) {
    if (!rule) continue;
    const { family, table, chain, handle, comment = '', expr = [] } = rule;
    const where = `${family} ${table} ${chain}`;
    const keys = [...keysOf(expr)];
    for (const [key, value] of keys) {
      if (key === 'xt') {
        ofIptables = true;
        const { name } = (value ?? {}) as { name?: string };
        if (name === undefined || !XT_NAMES.has(name)) continue;
      }
      if (key === 'xt' || NFT_TRACKS.has(key)) for (const one of familiesOf(family)) found.tracked.add(one);
      if (key === 'notrack') {
        const place = `${where} handle ${handle}`;
        found.notrack.push({ rule: `nft rule ${place}`, remove: host.line(`nft delete rule ${place}`) });
      }
      if (key === 'log') {
        const { group, prefix = '' } = (value ?? {}) as { group?: number; prefix?: string };
        if (group === undefined) continue;
        count(found.logGroups, group);
        const rejects = keys.some(([other]) => other === 'reject');
        found.logRules.push({ group, prefix, comment, rejects, where, handle });
      }
    }
  }
  return ofIptables;
}

/** All keys of an expression, whatever they are in. */
function* keysOf(value: unknown): Generator<[string, unknown]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) yield [key, inner];
    yield* keysOf(inner);
  }
}

function familiesOf(family: string): readonly Family[] {
  if (family === 'ip') return ['IPv4'];
  return family === 'ip6' ? ['IPv6'] : ['IPv4', 'IPv6'];
}

/** As nft writes them: a declaration on lines of its own, `counter` one of them. */
function readFlowtables(host: Host, text: string): Flowtable[] {
  const found: Flowtable[] = [];
  let table = '';
  let name: string | undefined;
  let lines: string[] = [];
  for (const line of text.split('\n').map(line => line.trim())) {
    const opened = /^(table|flowtable) (.+) \{$/.exec(line);
    if (opened?.[1] === 'table') table = opened[2];
    else if (opened) [name, lines] = [opened[2], []];
    else if (line === '}' && name !== undefined) {
      const kept = lines.filter(one => /^(hook|flags) /.test(one)).map(one => `${one.replace(/;$/, '')};`);
      found.push({
        name: `${table} ${name}`,
        counts: lines.some(one => /^counter;?$/.test(one)),
        mend: host.line(`nft 'add flowtable ${table} ${name} { ${kept.join(' ')} counter; }'`),
      });
      name = undefined;
    } else if (name !== undefined) lines.push(line);
  }
  return found;
}

function readIptables(host: Host, text: string, family: Family, found: Found): void {
  const program = family === 'IPv4' ? 'iptables' : 'ip6tables';
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    if (!line.startsWith('-A ')) continue;
    if (XT_TRACKS.test(line)) found.tracked.add(family);
    if (XT_NOTRACK.test(line)) {
      const rule = `${program} -t ${table} ${line}`;
      found.notrack.push({ rule, remove: host.line(`${program} -t ${table} -D ${line.slice(3)}`) });
    }
    const group = /-j NFLOG\b/.test(line) ? (/--nflog-group (\d+)/.exec(line)?.[1] ?? 0) : undefined;
    if (group !== undefined) count(found.logGroups, Number(group));
  }
}

function count(groups: Map<number, number>, group: number): void {
  groups.set(group, (groups.get(group) ?? 0) + 1);
}
