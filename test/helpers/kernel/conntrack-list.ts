import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../eventually.js';
import type { PrivateNamespace } from './namespace.js';

/** One direction of an entry. Numbers are decimal text, so that 64 bits stay exact. */
export interface ListedDirection {
  readonly src: string;
  readonly dst: string;
  readonly sport?: string;
  readonly dport?: string;
  readonly type?: string;
  readonly code?: string;
  /** ICMP identifier. */
  readonly icmpId?: string;
  readonly zone?: string;
  readonly packets?: string;
  readonly bytes?: string;
}

/** One line of `conntrack -L -o extended,id,ktimestamp`. */
export interface ListedConnection {
  readonly family: 'ipv4' | 'ipv6';
  readonly protocol: number;
  /** Seconds. */
  readonly timeout: number;
  readonly state?: string;
  readonly original: ListedDirection;
  readonly reply: ListedDirection;
  /** `UNREPLIED`, `ASSURED`, … */
  readonly flags: readonly string[];
  readonly mark: string;
  readonly zone?: string;
  /** Seconds since 1970. */
  readonly start?: number;
  readonly id: string;
  readonly helper?: string;
}

const HEAD = /^(ipv[46])\s+\d+\s+\S+\s+(\d+)\s+(\d+)\s+(?:([A-Z][A-Z_0-9]*)\s+)?/;
const TOKEN = /\[start=([^\]]+)\]|\[([A-Z_]+)\]|([a-z-]+)=(\S+)/g;
const INDEPENDENT = /^(mark|zone|use|helper|delta-time|secctx)$/;
const NAMES: Readonly<Record<string, string>> = { id: 'icmpId', 'zone-orig': 'zone', 'zone-reply': 'zone' };

/** `id=` stands for ICMP's identifier behind type and code, and at the end of the line for the entry's own. */
function icmpIdFollows(direction: Readonly<Record<string, string>>): boolean {
  return 'type' in direction && !('icmpId' in direction);
}

/** @throws where the line is not one of conntrack's */
export function parseListed(line: string): ListedConnection {
  const head = HEAD.exec(line);
  if (!head) throw new Error(`not a line of conntrack -L: ${line}`);
  const directions: Record<string, string>[] = [];
  const flags: string[] = [];
  const rest: Record<string, string> = {};
  let start: number | undefined;
  for (const [, date, flag, key, value] of line.slice(head[0].length).matchAll(TOKEN)) {
    if (date) start = Date.parse(`${date} UTC`) / 1000;
    else if (flag) flags.push(flag);
    else if (key === 'src') directions.push({ src: value });
    else if (INDEPENDENT.test(key) || (key === 'id' && !icmpIdFollows(directions.at(-1)!))) rest[key] = value;
    else directions.at(-1)![NAMES[key] ?? key] = value;
  }
  return {
    family: head[1] as 'ipv4' | 'ipv6',
    protocol: Number(head[2]),
    timeout: Number(head[3]),
    ...(head[4] === undefined ? {} : { state: head[4] }),
    original: directions[0] as unknown as ListedDirection,
    reply: directions[1] as unknown as ListedDirection,
    flags,
    mark: rest['mark'],
    ...(rest['zone'] === undefined ? {} : { zone: rest['zone'] }),
    ...(start === undefined ? {} : { start }),
    id: rest['id'],
    ...(rest['helper'] === undefined ? {} : { helper: rest['helper'] }),
  };
}

/** The kernel's table as conntrack-tools sees it, both families. */
export async function listConnections(namespace: PrivateNamespace): Promise<ListedConnection[]> {
  const listed: ListedConnection[] = [];
  for (const family of ['ipv4', 'ipv6']) {
    const lines = await namespace.run('conntrack', ['-L', '-f', family, '-o', 'extended,id,ktimestamp']);
    for (const line of lines.split('\n')) if (line) listed.push(parseListed(line));
  }
  return listed;
}

/** The table once its counters have stopped moving. */
export async function settledConnections(namespace: PrivateNamespace): Promise<ListedConnection[]> {
  let before: string | undefined;
  return eventually('counters come to rest', async () => {
    const listed = await listConnections(namespace);
    const counters = JSON.stringify(listed.map(({ original, reply, state }) => [original, reply, state]).toSorted());
    const same = counters === before;
    before = counters;
    await sleep(200);
    return same && listed;
  });
}
