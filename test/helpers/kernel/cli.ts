import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

export const CTFLOW = fileURLToPath(new URL('../../../../bin/ctflow.js', import.meta.url));

/** A recording of ten dumps: eleven connections in the first, twenty in the last. */
export const RECORDING = fileURLToPath(new URL('../../../../fixtures/demo.ctflow', import.meta.url));

/** A collector that takes everything and reads nothing, for as long as the process lives. */
export async function anyCollector(): Promise<string> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.unref();
  return `udp://127.0.0.1:${socket.address().port}`;
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment without what a developer may have set for ctflow. Runs side by side share no control socket. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CTFLOW_'));
  return { ...Object.fromEntries(own), CTFLOW_CONTROL: 'off' };
}

/** Starts the command line. */
export function spawnCtflow(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [CTFLOW, ...args], { env: { ...cleanEnvironment(), ...env } });
}

/** A command that has not ended by then hangs: far above what a busy machine needs. */
const PATIENCE = 300_000;
/** Ends of the runs under way, for those who wait for a turn. */
const turns: Promise<unknown>[] = Array.from({ length: availableParallelism() }, () => Promise.resolve());
let next = 0;

/**
 * Runs the command line to its end; a process that does not end is killed. No more run at once than there are
 * processors: the tests of a file begin all together, and each run's time must be its own.
 */
export function ctflow(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const which = next++ % turns.length;
  const outcome = turns[which].then(() => run(args, env));
  turns[which] = outcome.catch(() => {});
  return outcome;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawnCtflow(args, env);
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', chunk => (stdout += chunk));
    child.stderr.on('data', chunk => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}
