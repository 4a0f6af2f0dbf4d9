import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { throwMistakes } from '../../config/mistakes.js';
import { type ControlRequest, MOST_REPLY, parseReply, requestLine } from './protocol.js';
import { here, socketsToTry } from './socket-path.js';

/** Milliseconds: a daemon that lives says something each second, however long its answer takes. */
const PATIENCE_MS = 5_000;
/** Milliseconds that an answer may take: far above what the largest recording needs. */
const ANSWER_MS = 600_000;

/** Nobody listens there: no such file, or one that a killed daemon has left (unix(7)). */
const DESERTED = new Set(['ENOENT', 'ENOTDIR', 'ECONNREFUSED']);

/**
 * Asks the daemon, and waits for its answer.
 * @param path of its socket; where it is undefined, the places where one has it by default are tried
 * @param patience milliseconds in which it may say nothing
 * @param signal gives up
 * @throws CtflowError CTFLOW_CONTROL where none answers, CTFLOW_PERMISSION where this user may not ask; what the daemon answers
 * as an error, several as Mistakes
 */
export async function ask(
  path: string | undefined,
  request: ControlRequest,
  patience = PATIENCE_MS,
  signal?: AbortSignal,
): Promise<unknown> {
  return askFirst(path === undefined ? socketsToTry(here()) : [path], request, patience, signal);
}

/**
 * As {@link ask}, the first daemon that listens at one of these paths. A socket that this user may not use ends the search: the
 * error says that sudo is missing.
 */
export async function askFirst(
  places: readonly string[],
  request: ControlRequest,
  patience = PATIENCE_MS,
  signal?: AbortSignal,
): Promise<unknown> {
  const deserted: string[] = [];
  let cause: unknown;
  for (const place of places) {
    let line: string;
    try {
      line = await exchange(place, requestLine(request), patience, signal);
    } catch (error) {
      if (error instanceof CtflowError) throw error;
      const errno = errnoOf(error);
      if (!DESERTED.has(errno)) throw unreachable(place, error as Error, deserted);
      deserted.push(`${place} (${errno})`);
      cause = error;
      continue;
    }
    return resultOf(place, line);
  }
  throw nobody(deserted, cause);
}

function resultOf(place: string, line: string): unknown {
  const reply = parseReply(line);
  if ('result' in reply) return reply.result;
  throwMistakes(reply.errors.map(({ code, message, hint }) => new CtflowError(code, message, hint)));
  throw new CtflowError('CTFLOW_CONTROL', `${place} answered with an error and did not say which`, 'Look at its log');
}

/** @throws the system's error where there is no connection */
function exchange(path: string, line: string, patience: number, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => socket.write(line));
    // connect's own `signal` keeps a listener of each socket for as long as the signal lives
    const giveUp = (): void => void socket.destroy(new Error('given up'));
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp);
    const parts: Buffer[] = [];
    let length = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      socket.destroy();
      settle();
    };
    const late = (): void => finish(() => reject(unanswered(path, `not answered within ${ANSWER_MS / 1000} s`)));
    const timer = setTimeout(late, ANSWER_MS);
    socket.setTimeout(patience, () => {
      const { bytesRead } = socket;
      // where this process was held up itself, the answer is there, and not read yet
      setImmediate(() => {
        if (socket.bytesRead === bytesRead)
          finish(() => reject(unanswered(path, `said nothing for ${patience / 1000} s`)));
      });
    });
    socket.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      length += chunk.length;
      if (chunk.includes('\n')) finish(() => resolve(Buffer.concat(parts).toString()));
      else if (length > MOST_REPLY) finish(() => reject(cutOff(path)));
    });
    socket.once('end', () => finish(() => reject(cutOff(path))));
    socket.once('error', error => finish(() => reject(error)));
  });
}

function unanswered(path: string, what: string): CtflowError {
  return new CtflowError(
    'CTFLOW_CONTROL',
    `ctflow run at ${path} has ${what}`,
    'It is stopped (SIGSTOP: ps shows state T), it hangs, or the host is overloaded; its log may say more',
  );
}

function cutOff(path: string): CtflowError {
  return new CtflowError('CTFLOW_CONTROL', `ctflow run at ${path} ended without an answer`, 'Look at its log');
}

/** @param deserted the places that were tried before */
function unreachable(path: string, error: Error, deserted: readonly string[]): CtflowError {
  const errno = errnoOf(error);
  // its backlog is full (unix(7))
  if (errno === 'EAGAIN') return unanswered(path, 'stopped taking connections');
  if (errno === 'EACCES' || errno === 'EPERM') {
    let owner = '';
    try {
      owner = ` (uid ${statSync(path).uid})`;
    } catch {} // its folder hides it, too
    const before = deserted.length > 0 ? `, and none answers at ${deserted.join(' or ')}` : '';
    return new CtflowError(
      'CTFLOW_PERMISSION',
      `This user may not use the control socket ${path}${before}`,
      `Run as root, or as the user that runs ctflow${owner}`,
      error,
    );
  }
  return nobody([...deserted, `${path} (${errno || error.message})`], error);
}

/** @param places each with the system's reason */
function nobody(places: readonly string[], cause: unknown): CtflowError {
  const hint = 'Start ctflow run, or give --control with the path of its socket';
  return new CtflowError('CTFLOW_CONTROL', `No ctflow run answers at ${places.join(' or ')}`, hint, cause);
}
