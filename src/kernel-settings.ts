import { CtflowError } from './errors.js';
import type { Source } from './sources/source.js';

/** Something in the kernel's settings that takes facts away, and what to do about it. */
export interface Finding {
  readonly message: string;
  readonly hint: string;
}

const WANTED = [
  ['nf_conntrack_acct', 'accounting is off: connections have no packets and octets'],
  [
    'nf_conntrack_timestamp',
    'timestamps are off: connections have no start time, and a reopened one may look like the old',
  ],
] as const;
const SETUP_HINT = (name: string): string =>
  `sysctl -w net.netfilter.${name}=1, or ctflow run --setup-sysctl; it holds for connections made after it`;

/** What the namespace's settings take away from the export; nothing where they cannot be read. */
export function checkKernel(source: Source): Finding[] {
  if (source.kind === 'replay') return [];
  const findings: Finding[] = [];
  for (const [name, message] of WANTED) {
    if (source.sysctl(name) === '0') findings.push({ message, hint: SETUP_HINT(name) });
  }
  if (source.sysctl('nf_conntrack_count') === '0') {
    findings.push({
      message: 'the kernel tracks no connection here: conntrack may not be active in this network namespace',
      hint: "It is once a rule mentions it: nft 'add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new'",
    });
  }
  return findings;
}

/**
 * Switches accounting and timestamps on.
 * @returns the names that were changed
 * @throws CtflowError CTFLOW_PERMISSION
 */
export function setupKernel(source: Source): string[] {
  const changed: string[] = [];
  for (const [name] of WANTED) {
    if (source.sysctl(name) !== '0') continue;
    try {
      source.setSysctl(name, '1');
    } catch (error) {
      throw new CtflowError(
        'CTFLOW_PERMISSION',
        `net.netfilter.${name} cannot be set`,
        'Run as root of the network namespace, or set it beforehand and leave --setup-sysctl out',
        error,
      );
    }
    changed.push(name);
  }
  return changed;
}
