import { fileURLToPath } from 'node:url';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { eventually } from '../eventually.js';
import { collect, type Finished, type PrivateNamespace, type RunOptions, type Where } from './namespace.js';
import type { Need } from './require.js';

export const CTFLOW = fileURLToPath(new URL('../../../../bin/ctflow.js', import.meta.url));

export type BackendName = 'native' | 'fallback';

/** The backends that the command line is tested with, and what each needs. CTFLOW_BACKEND leaves the other one out. */
export const BACKENDS: readonly { name: BackendName; needs: readonly Need[] }[] = (['native', 'fallback'] as const)
  .filter(
    name =>
      !['native', 'fallback'].includes(process.env['CTFLOW_BACKEND'] ?? '') || process.env['CTFLOW_BACKEND'] === name,
  )
  .map(name => ({ name, needs: name === 'native' ? ['native'] : [] }));

/** Runs `ctflow ARGS` in a namespace to its end. */
export function ctflow(
  namespace: PrivateNamespace,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return namespace.finish(process.execPath, [CTFLOW, ...args], options);
}

/** A `ctflow` that runs in a namespace until it is told to stop. */
export class RunningCommand {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #finished: Promise<Finished>;
  stdout = '';
  stderr = '';

  /** @param timeout milliseconds after which it is killed; @param before a command that starts it */
  constructor(
    namespace: PrivateNamespace,
    args: readonly string[],
    where: Where = 'network',
    timeout = 300_000,
    before: readonly string[] = [],
  ) {
    const [program, ...rest] = [...before, process.execPath, CTFLOW, ...args];
    this.#child = namespace.spawn(program, rest, {}, where);
    this.#child.stdout.on('data', chunk => (this.stdout += chunk));
    this.#child.stderr.on('data', chunk => (this.stderr += chunk));
    this.#finished = collect(this.#child, { timeout });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    this.#child.kill(signal);
    return this.#finished;
  }

  /** The log of `ctflow run`, one object a line. */
  log(): Record<string, unknown>[] {
    return this.stderr
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as Record<string, unknown>);
  }

  /** Messages of the log, joined, for matching. */
  messages(): string {
    return this.log()
      .map(({ msg }) => msg)
      .join('\n');
  }
}

/**
 * Starts `ctflow run`, quick to poll and to report, and waits until it runs.
 * @param flags more flags, or others, separated by spaces
 * @param before a command that starts it
 */
export async function startExporter(
  namespace: PrivateNamespace,
  backend: BackendName,
  collectors: readonly string[],
  flags = '',
  where: Where = 'network',
  before: readonly string[] = [],
): Promise<RunningCommand> {
  const to = collectors.flatMap(endpoint => ['--collector', endpoint]);
  const quick = ['--flow-poll-interval', '200ms', '--active-flow-export-timeout', '400ms'];
  const more = flags.split(' ').filter(Boolean);
  const args = ['run', '--backend', backend, ...to, ...quick, ...more];
  const exporter = new RunningCommand(namespace, args, where, undefined, before);
  await eventually('the exporter runs', () => exporter.messages().includes('ctflow runs'));
  return exporter;
}
