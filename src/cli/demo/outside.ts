import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CtflowError, type ErrorCode } from '../../common/errors.js';
import type { LiveOptions, LiveResult } from './live.js';
import type { Snapshot, Stage } from './stage.js';

/** What the process in the namespace tells. */
export type FromInside =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'say'; readonly line: string }
  | { readonly kind: 'result'; readonly result: LiveResult }
  | { readonly kind: 'failure'; readonly code: ErrorCode; readonly message: string; readonly hint: string };

const PROGRAM = fileURLToPath(new URL('./inside.js', import.meta.url));

/**
 * Runs the live demonstration in a fresh private namespace and shows it on this process's stage. The process inside ends
 * when this one does, however that happens.
 * @param namespace see namespaceCommand
 * @throws CtflowError what was thrown inside, or CTFLOW_DEMO where the process ended without a word
 */
export function runInside(namespace: readonly string[], options: LiveOptions, stage: Stage): Promise<LiveResult> {
  const [file, ...args] = [...namespace, process.execPath, PROGRAM, JSON.stringify(options)];
  // what it may print by accident is no part of a report on stdout
  const child = spawn(file, args, { stdio: ['ignore', 2, 2, 'ipc'] });
  const stop = () => {
    if (child.connected) child.send('stop');
  };
  if (stage.signal.aborted) stop();
  stage.signal.addEventListener('abort', stop, { once: true });
  let outcome: LiveResult | Error | undefined;
  return new Promise<LiveResult>((resolve, reject) => {
    child.on('message', (message: FromInside) => {
      if (message.kind === 'snapshot') stage.show(message.snapshot);
      else if (message.kind === 'say') stage.say(message.line);
      else if (message.kind === 'result') outcome = message.result;
      else outcome = new CtflowError(message.code, message.message, message.hint);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (outcome instanceof Error) reject(outcome);
      else if (outcome) resolve(outcome);
      else reject(wordless(signal ?? `exit code ${code}`));
    });
  }).finally(() => stage.signal.removeEventListener('abort', stop));
}

function wordless(how: string): CtflowError {
  return new CtflowError('CTFLOW_DEMO', `The demonstration ended without a report (${how})`, 'Read what stands above');
}
