import { readFileSync, statSync } from 'node:fs';
import { CtflowError } from './errors.js';

export const OWN_NAMESPACE = '/proc/self/ns/net';
/** Where named network namespaces are. */
export const NAMESPACES = '/run/netns';

/** @param netns a name under /run/netns or a path */
export function namespacePath(netns: string): string {
  return netns.includes('/') ? netns : `${NAMESPACES}/${netns}`;
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

/** Whether it is the network namespace of this process. @param netns as of {@link hostIdentity} */
export function isOwnNamespace(netns?: string): boolean {
  if (netns === undefined) return true;
  const [own, other] = [OWN_NAMESPACE, namespacePath(netns)].map(path => statSync(path, { throwIfNoEntry: false }));
  return own !== undefined && own.ino === other?.ino && own.dev === other.dev;
}
