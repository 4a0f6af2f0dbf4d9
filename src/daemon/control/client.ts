import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { throwMistakes } from '../../config/mistakes.js';
import { type ControlRequest, MOST_REPLY, parseReply, requestLine } from './protocol.js';
import { firstThere, here, socketsToTry } from './socket-path.js';

/** Milliseconds: a daemon that lives says something each second, however long its answer takes. */
const PATIENCE_MS = 5_000;
/** Milliseconds that an answer may take: far above what the largest recording needs. */
const ANSWER_MS = 600_000;

/**
 * Asks the daemon, and waits for its answer.
 * @param path of its socket; where it is undefined, the places where one has it by default are looked at
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
  const places = path === undefined ? socketsToTry(here()) : [path];
  const socket = firstThere(places);
  if (socket === undefined) throw nobody(places.join(' or '), 'ENOENT');
  const reply = parseReply(await exchange(socket, requestLine(request), patience, signal));
  if ('result' in reply) return reply.result;
  throwMistakes(reply.errors.map(({ code, message, hint }) => new CtflowError(code, message, hint)));
  throw new CtflowError('CTFLOW_CONTROL', `${socket} answered with an error and did not say which`, 'Look at its log');
}

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
    socket.once('error', error => finish(() => reject(unreachable(path, error))));
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

function unreachable(path: string, error: Error): CtflowError {
  const errno = errnoOf(error);
  // its backlog is full (unix(7))
  if (errno === 'EAGAIN') return unanswered(path, 'stopped taking connections');
  if (errno === 'EACCES' || errno === 'EPERM') {
    let owner = '';
    try {
      owner = ` (uid ${statSync(path).uid})`;
    } catch {} // its folder hides it, too
    return new CtflowError(
      'CTFLOW_PERMISSION',
      `This user may not use the control socket ${path}`,
      `Run as root, or as the user that runs ctflow${owner}`,
      error,
    );
  }
  return nobody(path, errno || error.message, error);
}

function nobody(where: string, why: string, cause?: Error): CtflowError {
  const hint = 'Start ctflow run, or give --control with the path of its socket';
  return new CtflowError('CTFLOW_CONTROL', `No ctflow run answers at ${where} (${why})`, hint, cause);
}
