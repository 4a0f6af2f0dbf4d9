import type { z } from 'zod';
import type { Backend } from '../backend/backend.js';
import { CtflowError } from '../common/errors.js';
import { type ConnectionFilter, lastingFilter } from '../row/filter.js';
import { loadBackend } from '../backend/load.js';
import { OvsSource } from '../sources/ovs/source.js';
import { ProcfsSource } from '../sources/procfs.js';
import { ReplaySource } from '../sources/replay.js';
import type { DumpTap, Source } from '../sources/source.js';
import type { sourceSettings } from '../config/source-settings.js';

export type SourceSettings = z.infer<z.ZodObject<typeof sourceSettings>>;

/**
 * The backend and the source that the flags ask for.
 * @param log where a line about the choice of the backend goes
 */
export async function openSource(
  flags: SourceSettings,
  log: (line: string) => void,
): Promise<{ backend: Backend; source: Source }> {
  checkSource(flags);
  const backend = await loadBackend(flags.backend, log);
  return { backend, source: sourceOf(flags, backend) };
}

/** @throws CtflowError CTFLOW_USAGE where the flags contradict one another */
export function checkSource({ source, netns }: SourceSettings): void {
  if (netns !== undefined) needsKernel('--netns', source);
}

/** @throws CtflowError CTFLOW_USAGE where `flag` is given for a source other than the kernel */
export function needsKernel(flag: string, source: string): void {
  if (source === 'kernel') return;
  throw new CtflowError('CTFLOW_USAGE', `${flag} needs --source kernel, not ${source}`, 'Remove one of them');
}

/**
 * The source that checked flags ask for.
 * @param anyMarkAndStatus see KernelOptions; @param tap also gets the dumps of the kernel
 */
export function sourceOf(flags: SourceSettings, backend: Backend, anyMarkAndStatus = false, tap?: DumpTap): Source {
  const { source, netns } = flags;
  if (source === 'kernel') {
    return backend.openKernel({
      filter: filterOf(flags),
      anyMarkAndStatus,
      ...(netns !== undefined && { netns }),
      tap,
    });
  }
  const filter = anyMarkAndStatus ? lastingFilter(filterOf(flags)) : filterOf(flags);
  const [kind, what] = partsOf(source);
  if (kind === 'procfs') return new ProcfsSource(filter);
  if (kind === 'ovs') return new OvsSource(filter, what);
  return new ReplaySource(what!, backend.decode, filter);
}

/** A checked source: its kind, and what of that kind. */
export function partsOf(source: string): [kind: string, what: string | undefined] {
  const colon = source.indexOf(':');
  return colon < 0 ? [source, undefined] : [source.slice(0, colon), source.slice(colon + 1)];
}

/** The filter that the flags ask for. */
export function filterOf(flags: Omit<SourceSettings, 'netns'>): ConnectionFilter {
  const { family, zone, mark, status, protocolFilter } = flags;
  return {
    ...(family !== undefined && { family }),
    ...(zone !== undefined && { zone }),
    ...(mark !== undefined && { mark }),
    ...(status !== undefined && { status }),
    ...(protocolFilter !== undefined && { protocols: protocolFilter }),
  };
}
