import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { CtflowError } from './errors.js';

/** An observation domain ID for this host, by which collectors distinguish hosts. Stable; never 0. */
export function hostObservationDomain(): number {
  let identity: string;
  try {
    identity = readFileSync('/etc/machine-id', 'utf8');
  } catch {
    identity = hostname();
  }
  return createHash('sha256').update(`ctflow ${identity.trim()}`).digest().readUInt32BE(0) || 1;
}

const OWN_NAMESPACE = '/proc/self/ns/net';

/** @param netns a name under /run/netns or a path */
export function namespacePath(netns: string): string {
  return netns.includes('/') ? netns : `/run/netns/${netns}`;
}

/** Conntrack's ids and times mean something in one network namespace of one boot. */
export interface HostIdentity {
  /** Inode of the network namespace. */
  readonly namespace: number;
  /** 36 characters. */
  readonly boot: string;
}

/**
 * @param netns the namespace that is exported: a name under /run/netns or a path; this process's own where it is left out
 * @throws CtflowError CTFLOW_STATE
 */
export function hostIdentity(netns?: string): HostIdentity {
  const path = netns === undefined ? OWN_NAMESPACE : namespacePath(netns);
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { namespace: statSync(path).ino, boot };
  } catch (error) {
    throw new CtflowError(
      'CTFLOW_STATE',
      `Boot id and network namespace cannot be read (${(error as Error).message})`,
      'Mount /proc, or remove --state',
      error,
    );
  }
}
