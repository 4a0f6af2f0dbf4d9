import type { Backend } from '../backend/backend.js';
import { CtflowError } from '../common/errors.js';
import type { EventsOptions } from '../ingest/conntrack-events.js';
import type { Source } from '../sources/source.js';
import type { RunFlags } from './run-flags.js';
import { needsKernel } from './source-flags.js';

/**
 * What can be wrong with the flags of `ctflow run` together. Before anything is opened, so that a usage error is one for
 * every user.
 * @throws CtflowError CTFLOW_USAGE
 */
export function checkRun(flags: RunFlags, backend: Backend): void {
  const sourceKind = sourceKindOf(flags, backend);
  const events = eventKind(flags, sourceKind);
  if (flags.tcpStateHistory && events !== 'all') {
    throw new CtflowError(
      'CTFLOW_USAGE',
      '--tcp-state-history needs --events all',
      'Add --events all, or remove --tcp-state-history',
    );
  }
  if (events !== 'off') needsKernel('--events', flags.source);
  if (flags.nflogGroup) needsKernel('--nflog-group', flags.source);
  if (flags.state !== undefined && sourceKind !== 'netlink') {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `--state needs conntrack ids and start times, which source ${sourceKind} does not have`,
      'Use the native backend with --source kernel, or remove --state',
    );
  }
}

/** By default where the source has them. */
export function eventKind({ events }: RunFlags, source: Source['kind']): EventsOptions['kind'] | 'off' {
  return events ?? (source === 'netlink' ? 'destroy' : 'off');
}

function sourceKindOf({ source }: RunFlags, { name }: Backend): Source['kind'] {
  if (source === 'kernel') return name === 'native' ? 'netlink' : 'procfs';
  return source === 'procfs' ? 'procfs' : 'replay';
}
