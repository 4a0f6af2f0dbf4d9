import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { KernelNamespace } from '../host/kernel-namespace.js';

export interface WorkerOptions {
  /** Flags of Node. */
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds after which it is killed. In a network namespace it is not. */
  readonly timeout?: number;
  /** Told of the process, which then has a channel for messages. In a network namespace it is not. */
  readonly started?: (child: ChildProcess) => void;
  /** It runs in a network namespace of its own, whose table is to hold so many connections. */
  readonly connections?: number;
}

/**
 * Gives a job to a program of Node in a process of its own, as JSON on standard input, and waits for its answer, JSON on
 * standard output.
 * @param program path
 */
export async function askWorker<Answer>(program: string, job: unknown, options: WorkerOptions): Promise<Answer> {
  const { flags = [], env = {}, timeout, started, connections } = options;
  const args = [...flags, program];
  if (connections === undefined) {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: started ? ['pipe', 'pipe', 'pipe', 'ipc'] : 'pipe',
      killSignal: 'SIGKILL',
      ...(timeout !== undefined && { timeout }),
    }) as ChildProcessWithoutNullStreams;
    started?.(child);
    return answerOf(child, job);
  }
  const namespace = await KernelNamespace.create(connections);
  try {
    return await answerOf<Answer>(namespace.spawn(process.execPath, args, env), job);
  } finally {
    await namespace.close();
  }
}

async function answerOf<Answer>(child: ChildProcessWithoutNullStreams, job: unknown): Promise<Answer> {
  child.stderr.pipe(process.stderr, { end: false });
  child.stdin.end(JSON.stringify(job));
  const [answer, [code, signal]] = await Promise.all([buffer(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`what was measured has failed (${signal ?? `exit ${code}`}), see above`);
  return JSON.parse(answer.toString()) as Answer;
}
