import { settingsOff } from '../../sources/kernel-settings.js';
import { ok, warning, type Finding } from './finding.js';
import { sysctl, type Host } from './host.js';

/** What the settings of a run want of those of the kernel. */
export interface WantedSettings {
  /** Conntrack events are received. */
  readonly events: boolean;
  /** A state file, which needs start times. */
  readonly state: boolean;
  /** `--setup-sysctl`: run sets them by itself. */
  readonly setup: boolean;
}

/** One of nf_conntrack_acct, nf_conntrack_timestamp and nf_conntrack_events. */
export function checkSetting(host: Host, name: string, wanted: WantedSettings): Finding {
  const full = `net.netfilter.${name}`;
  const value = sysctl(host, name);
  if (name === 'nf_conntrack_events' && !wanted.events) return ok(`${full} is not needed: no events are received`);
  if (value === undefined)
    return warning(`${full} cannot be read: nf_conntrack is not loaded`, 'modprobe nf_conntrack');
  const why = settingsOff({ sysctl: () => value }, wanted.events).get(name);
  if (why === undefined) return ok(`${full} is ${value}`);
  if (wanted.setup) return ok(`${full} is ${value}; ctflow run sets it to 1 (--setup-sysctl)`);
  const refuses = name === 'nf_conntrack_timestamp' && wanted.state;
  const noCounters = name === 'nf_conntrack_acct';
  return {
    status: refuses || noCounters ? 'error' : 'warning',
    found: `${full} is ${value}: ${why}${refuses ? '; --state does not start without' : ''}`,
    command: host.line(`sysctl -w ${full}=1`),
    fix: {
      says: `sets ${full} to 1 in this network namespace; it applies to new connections only, and holds until the host boots`,
      apply: () => host.write(`/proc/sys/net/netfilter/${name}`, '1'),
    },
  };
}
