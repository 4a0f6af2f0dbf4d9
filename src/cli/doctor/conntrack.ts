import type { Finding as Warning } from '../../sources/kernel-settings.js';
import { isOfKernel, type Source } from '../../sources/source.js';
import { error, ok, warning, type Finding } from './finding.js';
import { hostOf, sysctl, type Host } from './host.js';
import { readRules, type Rules } from './rules/rules.js';

/** A rule that asks for the state of connections, and does nothing else. */
const TRACK =
  "nft 'add table inet track; add chain inet track out { type filter hook output priority 0; }; add rule inet track out ct state new'";

/**
 * Whether the kernel tracks connections in this namespace, and why not. It does once a rule uses conntrack: nf_ct_netns_get in
 * net/netfilter/nf_conntrack_proto.c registers its hooks then.
 */
export async function checkConntrack(host: Host, readRules: () => Promise<Rules>): Promise<Finding> {
  const entries = Number(sysctl(host, 'nf_conntrack_count'));
  if (Number.isNaN(entries))
    return { ...error('conntrack is not in the kernel: nf_conntrack is not loaded', 'modprobe nf_conntrack') };
  const hooks = entries > 0 ? 'registered' : await readHooks(host);
  if (entries > 0) return ok(`conntrack is active: ${entries} entries`);
  if (hooks === 'registered') return ok('conntrack is active: its hooks are registered; there are no entries yet');
  const { tracked, unseen, toSee } = await readRules();
  const families = [...tracked].toSorted().join(' and ');
  if (tracked.size > 0) return ok(`conntrack is active: rules use it for ${families}; there are no entries yet`);
  if (unseen.length > 0 && hooks === undefined) {
    const what = `conntrack has no entries; whether a rule uses it could not be seen (${unseen.join('; ')})`;
    return warning(what, toSee);
  }
  const why = hooks === 'none' ? 'its hooks are not registered, as no rule uses it' : 'no rule uses it (ct state, NAT)';
  return error(`conntrack is not active in this network namespace: ${why}`, host.line(TRACK));
}

/** For `ctflow run` and `dump`, where there is nothing to see: the same in one line. Nothing where there are entries. */
export async function warnIfInactive(
  source: Pick<Source, 'kind' | 'sysctl'>,
  netns: string | undefined,
  warn: (warning: Warning) => void,
): Promise<void> {
  if (!isOfKernel(source) || Number(source.sysctl('nf_conntrack_count')) > 0) return;
  const host = hostOf(netns);
  const { status, found, command } = await checkConntrack(host, () => readRules(host));
  if (status !== 'ok')
    warn({ message: found, hint: `${command === undefined ? 'See' : `Run ${command}; see`} ctflow doctor` });
}

/** Kernels without CONFIG_NETFILTER_NETLINK_HOOK show none, and neither does an older nft: then it is not known. */
async function readHooks(host: Host): Promise<'registered' | 'none' | undefined> {
  const { output = '' } = await host.run('nft', ['list', 'hooks']);
  if (/\bipv[46]_conntrack_/.test(output)) return 'registered';
  return output.includes('hook') ? 'none' : undefined;
}
