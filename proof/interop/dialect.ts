import type { Biflow } from '../../src/ipfix/profile-standard.js';
import type { FixedInterfaces } from '../../src/ipfix/interfaces.js';
import type { ProfileName } from '../../src/ipfix/profile.js';

/** How ctflow is asked to export to a taker. */
export interface Dialect {
  readonly profile: ProfileName;
  readonly biflow: Biflow;
  /** PEN 21373. */
  readonly netfilterElements: boolean;
  /** Fixed numbers of the interfaces. */
  readonly interfaces: 'none' | FixedInterfaces;
  /** Options records are sent. */
  readonly options: boolean;
}

export const PLAIN: Dialect = {
  profile: 'standard',
  biflow: 'reverse',
  netfilterElements: false,
  interfaces: 'none',
  options: true,
};
export const WITH_INTERFACES: Dialect = { ...PLAIN, interfaces: { ingress: 7, egress: 8 } };

/** The flags that a dialect needs, as a user writes them. */
export function flagsOf({ profile, biflow, netfilterElements, interfaces, options }: Dialect): string {
  const flags = [
    profile === 'standard' ? '' : `--profile ${profile}`,
    biflow === 'reverse' ? '' : `--biflow ${biflow}`,
    netfilterElements ? '--netfilter-elements' : '',
    interfaces === 'none' ? '' : `--interfaces ${interfaces.ingress},${interfaces.egress}`,
    // profile antrea has none by default
    options || profile === 'antrea' ? '' : '--options-interval 0s',
  ];
  return flags.filter(Boolean).join(' ') || 'none';
}
