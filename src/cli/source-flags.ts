import type { Command, Option } from 'commander';
import type { Backend } from '../backend/backend.js';
import { CtflowError } from '../common/errors.js';
import { type ConnectionFilter, lastingFilter, type Masked } from '../row/filter.js';
import { loadBackend } from '../backend/load.js';
import { ProcfsSource } from '../sources/procfs.js';
import { ReplaySource } from '../sources/replay.js';
import type { Source } from '../sources/source.js';
import { flag, numberFlag } from './flag.js';
import * as values from './values.js';
import { U16_MAX } from '../common/unsigned.js';

export interface SourceFlags {
  backend: 'auto' | 'native' | 'fallback';
  source: string;
  netns?: string;
  family?: 2 | 10;
  zone?: number;
  mark?: Masked;
  status?: Masked;
  protocolFilter?: number[];
}

export const backendFlag = (): Option =>
  flag('--backend <name>', 'native (Rust) or fallback (TypeScript); auto uses native where it is built')
    .choices(['auto', 'native', 'fallback'])
    .default('auto');

export const netnsFlag = (): Option => flag('--netns <name|path>', 'read another network namespace (native only)');

/** The flags that say where connections come from, and which. */
export function addSourceFlags(command: Command): Command {
  const options = [
    backendFlag(),
    flag('--source <source>', 'kernel, procfs, or replay:FILE with a file of `ctflow record`').default('kernel'),
    netnsFlag(),
    flag('--family <4|6>', 'only this address family').argParser(values.family),
    numberFlag('--zone <number>', 'only this conntrack zone', 0, U16_MAX),
    flag('--mark <value[/mask]>', 'only connections with this mark').argParser(values.masked),
    flag('--status <names|value/mask>', 'only connections with these status bits, e.g. ASSURED,!SRC_NAT').argParser(
      values.status,
    ),
    flag('--protocol-filter <names>', 'only these protocols, e.g. tcp,udp').argParser(values.protocols),
  ];
  for (const option of options) command.addOption(option.helpGroup('Source:'));
  return command;
}

/**
 * The backend and the source that the flags ask for.
 * @param log where a line about the choice of the backend goes
 */
export async function openSource(
  flags: SourceFlags,
  log: (line: string) => void,
): Promise<{ backend: Backend; source: Source }> {
  checkSource(flags);
  const backend = await loadBackend(flags.backend, log);
  return { backend, source: sourceOf(flags, backend) };
}

/** @throws CtflowError CTFLOW_USAGE where the flags contradict one another */
export function checkSource({ source, netns }: SourceFlags): void {
  if (source !== 'kernel' && source !== 'procfs' && !/^replay:./.test(source)) {
    throw new CtflowError('CTFLOW_USAGE', `'${source}' is not a source`, 'Write kernel, procfs or replay:FILE');
  }
  if (netns !== undefined) needsKernel('--netns', source);
}

/** @throws CtflowError CTFLOW_USAGE where `flag` is given for a source other than the kernel */
export function needsKernel(flag: string, source: string): void {
  if (source === 'kernel') return;
  throw new CtflowError('CTFLOW_USAGE', `${flag} needs --source kernel, not ${source}`, 'Remove one of them');
}

/**
 * The source that checked flags ask for.
 * @param anyMarkAndStatus see KernelOptions
 */
export function sourceOf(flags: SourceFlags, backend: Backend, anyMarkAndStatus = false): Source {
  const { source, netns } = flags;
  if (source === 'kernel') {
    return backend.openKernel({
      filter: filterOf(flags),
      anyMarkAndStatus,
      ...(netns !== undefined && { netns }),
    });
  }
  const filter = anyMarkAndStatus ? lastingFilter(filterOf(flags)) : filterOf(flags);
  if (source === 'procfs') return new ProcfsSource(filter);
  return new ReplaySource(source.slice('replay:'.length), backend.decode, filter);
}

/** The filter that the flags ask for. */
export function filterOf(flags: SourceFlags): ConnectionFilter {
  const { family, zone, mark, status, protocolFilter } = flags;
  return {
    ...(family !== undefined && { family }),
    ...(zone !== undefined && { zone }),
    ...(mark !== undefined && { mark }),
    ...(status !== undefined && { status }),
    ...(protocolFilter !== undefined && { protocols: protocolFilter }),
  };
}
