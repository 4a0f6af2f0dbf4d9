import type { Host } from './host.js';
import { error, ok, warning, type Finding } from './finding.js';

/** Bits of include/uapi/linux/capability.h. */
const BITS: Readonly<Record<string, number>> = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_SYS_ADMIN: 21,
  CAP_BPF: 39,
};
const ROOT_FILES = 'CAP_DAC_READ_SEARCH';

/**
 * The effective capabilities.
 * @param needed of the settings, by name
 * @param welcome of those, what ctflow goes on without
 * @param root the user is root, who owns the files of /proc
 */
export function checkCapabilities(
  host: Pick<Host, 'read'>,
  needed: readonly string[],
  welcome: ReadonlySet<string>,
  root: boolean,
): Finding {
  const text = /^CapEff:\s*(\w+)$/m.exec(host.read('/proc/self/status') ?? '')?.[1];
  if (text === undefined)
    return warning('the capabilities of this process cannot be read: /proc is not mounted', 'mount -t proc proc /proc');
  const effective = BigInt(`0x${text}`);
  const has = (name: string): boolean => (effective & (1n << BigInt(BITS[name]))) !== 0n;
  const lacks = needed.filter(
    name => !has(name) && !(name === ROOT_FILES && root) && !(name === 'CAP_BPF' && has('CAP_SYS_ADMIN')),
  );
  if (lacks.length === 0) return ok(needed.length > 0 ? `${needed.join(', ')}: present` : 'none is needed');
  const found = `missing: ${lacks.join(', ')}; needed: ${needed.join(', ')}`;
  const ambient = needed.map(name => `+${name.slice(4).toLowerCase()}`).join(',');
  const command = `sudo setpriv --reuid $(id -u) --regid $(id -g) --init-groups --inh-caps ${ambient} --ambient-caps ${ambient} ctflow run`;
  return lacks.every(name => welcome.has(name)) ? warning(found, command) : error(found, command);
}
