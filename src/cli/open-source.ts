import type { z } from 'zod';
import type { Backend } from '../backend/backend.js';
import { CtflowError } from '../common/errors.js';
import { type ConnectionFilter, lastingFilter } from '../row/filter.js';
import { loadBackend } from '../backend/load.js';
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
  if (source === 'procfs') return new ProcfsSource(filter);
  return new ReplaySource(source.slice('replay:'.length), backend.decode, filter);
}

/** The filter that the flags ask for. */
export function filterOf(flags: SourceSettings): ConnectionFilter {
  const { family, zone, mark, status, protocolFilter } = flags;
  return {
    ...(family !== undefined && { family }),
    ...(zone !== undefined && { zone }),
    ...(mark !== undefined && { mark }),
    ...(status !== undefined && { status }),
    ...(protocolFilter !== undefined && { protocols: protocolFilter }),
  };
}
