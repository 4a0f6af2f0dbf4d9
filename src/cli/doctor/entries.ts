import { CtflowError } from '../../common/errors.js';
import { HAS_ORIG_COUNTERS, HAS_START, HAS_START_ESTIMATE, PRESENT } from '../../row/layout.generated.js';
import type { Source } from '../../sources/source.js';
import { error, ok, warning, type Finding } from './finding.js';
import type { Host } from './host.js';
import { moduleFinding } from './modules.js';

/** Entries that are looked at: more say no more, and a dump of millions takes its time. */
const MOST_ENTRIES = 50_000;

/** Entries that were made while accounting or timestamps were off stay without. */
export async function checkEntries(source: Pick<Source, 'dump'>, host: Host, most = MOST_ENTRIES): Promise<Finding> {
  const enough = new Error('enough');
  let seen = 0;
  let uncounted = 0;
  let timeless = 0;
  try {
    const summary = await source.dump(batch => {
      for (let i = 0; i < batch.count && seen < most; i++) {
        const present = batch.u32[(i * batch.size + PRESENT) >> 2];
        seen++;
        if (!(present & HAS_ORIG_COUNTERS)) uncounted++;
        if (!(present & (HAS_START | HAS_START_ESTIMATE))) timeless++;
      }
      if (seen >= most) throw enough;
    });
    if (summary?.error) throw summary.error;
  } catch (failure) {
    if (failure !== enough) return cannotRead(failure, host);
  }
  const of = seen >= most ? `the first ${seen} entries` : `${seen} entries`;
  if (seen === 0) return ok('there are no entries');
  if (uncounted + timeless === 0) return ok(`${of} looked at: all have counters and start times`);
  const found = `of ${of}, ${uncounted} have no counters and ${timeless} no start time: they are from before the setting, or it is off. They stay so until they end; emptying the table also ends NAT of open connections`;
  return warning(found, host.line('conntrack -F'));
}

/** That it can be asked, and what it does not have. */
export async function checkOpenVswitch(source: Pick<Source, 'lacks'>): Promise<Finding> {
  try {
    const lacks = await source.lacks?.();
    return ok(lacks === undefined ? 'ovs-vswitchd answers' : `ovs-vswitchd answers; ${lacks}`);
  } catch (failure) {
    const { message, code } = failure as CtflowError;
    return error(message, code === 'CTFLOW_PERMISSION' ? 'sudo ctflow doctor' : 'systemctl start openvswitch-switch');
  }
}

function cannotRead(failure: unknown, host: Host): Finding {
  if (!(failure instanceof CtflowError)) return error(`the table cannot be read: ${(failure as Error).message}`);
  const found = `the table cannot be read: ${failure.message}`;
  // what the native module says where the kernel knows no ctnetlink
  if (failure.code === 'CTFLOW_KERNEL_SETTING') {
    const { fix, command } = moduleFinding(host, 'nf_conntrack_netlink', false);
    return { ...error(found, command), fix: fix! };
  }
  return error(
    found,
    ['CTFLOW_PERMISSION', 'CTFLOW_PROCFS'].includes(failure.code) ? 'sudo ctflow doctor' : 'ctflow dump',
  );
}
