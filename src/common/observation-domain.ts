import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { namespacePath, OWN_NAMESPACE } from './host.js';

export interface DomainSources {
  /** The name of this exporter, where it was given one. */
  readonly instance?: string | undefined;
  /** The namespace that is exported: a name under /run/netns or a path; this process's own where it is left out. */
  readonly netns?: string | undefined;
  /** Where files are looked for; for tests. */
  readonly root?: string;
  readonly host?: string;
}

export interface DefaultDomain {
  /** Never 0. */
  readonly id: number;
  /** What it is made from, in this order: instance, namespace, machine-id, product_uuid, hostname. */
  readonly from: readonly string[];
}

/** What hosts have that were never given a name. */
const NAMELESS = new Set(['', '(none)', 'localhost', 'localhost.localdomain', 'localhost6', 'localhost6.localdomain6']);
/** Of firmware that was never given a UUID. */
const PLACEHOLDERS = new Set(['03000200040005000006000700080009', '12345678123412341234123456789abc']);

/**
 * The observation domain of an exporter that was given none: a hash of what tells it apart from others, the same over restarts.
 * Images cloned from one another share their machine-id, so hardware and host name go into it too; exporters on one host differ by
 * their network namespace or their instance's name.
 */
export function defaultDomain({ instance, netns, root = '/', host = hostname() }: DomainSources): DefaultDomain {
  const sources: [string, string | undefined][] = [
    ['instance', instance],
    ['namespace', namespaceName(netns, root)],
    ['machine-id', identifier(join(root, 'etc/machine-id'))],
    ['product_uuid', identifier(join(root, 'sys/class/dmi/id/product_uuid'))],
    ['hostname', NAMELESS.has(host.toLowerCase()) ? undefined : host],
  ];
  const hash = createHash('sha256').update('ctflow 2\n');
  const from: string[] = [];
  for (const [name, value] of sources) {
    if (!value) continue;
    hash.update(`${name} ${Buffer.byteLength(value)} ${value}\n`);
    from.push(name);
  }
  return { id: hash.digest().readUInt32BE(0) || 1, from };
}

/** The default of versions before: state files may have it. */
export function formerDomain(): number {
  let identity: string;
  try {
    identity = readFileSync('/etc/machine-id', 'utf8');
  } catch {
    identity = hostname();
  }
  return createHash('sha256').update(`ctflow ${identity.trim()}`).digest().readUInt32BE(0) || 1;
}

/** A hexadecimal identifier of 128 bits in a file; undefined where it is missing, or a placeholder. */
function identifier(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1').trim().toLowerCase().replaceAll('-', '');
  } catch {
    return undefined;
  }
  return /^[0-9a-f]{32}$/.test(text) && !/^(.)\1*$/.test(text) && !PLACEHOLDERS.has(text) ? text : undefined;
}

/** Its name under /run/netns; a path that has none stands for itself; undefined for the namespace of the host. */
function namespaceName(netns: string | undefined, root: string): string | undefined {
  const folder = join(root, 'run/netns');
  if (netns !== undefined && !netns.includes('/')) return netns;
  const path = netns === undefined ? OWN_NAMESPACE : namespacePath(netns);
  const identity = identityOf(path);
  if (identity === undefined) return netns;
  if (identity === identityOf('/proc/1/ns/net')) return undefined;
  let names: string[] = [];
  try {
    names = readdirSync(folder).sort();
  } catch {
    // there are no names
  }
  const given = netns === undefined ? undefined : basename(netns);
  const same = names.filter(name => identityOf(join(folder, name)) === identity);
  return same.find(name => name === given) ?? same[0] ?? netns;
}

function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}
