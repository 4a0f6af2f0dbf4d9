import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { errnoOf } from '../errors.js';

/** Milliseconds until a descriptor that takes nothing now is tried again. */
const RETRY_MS = 20;

type Done = (error?: Error | null) => void;

/**
 * A stream to a descriptor that this process has inherited. A write never waits for a reader. The descriptor keeps its
 * flags: O_NONBLOCK belongs to the open file description, which other processes may share. So a pipe or a terminal is
 * opened anew, for this process alone. A socket cannot be opened, nor what belongs to another user: there a child process
 * copies, and waits for the reader.
 * @throws EPIPE where nobody has a FIFO open for reading
 */
export function openOutput(fd: number): Writable {
  const stats = fstatSync(fd);
  const terminal = isatty(fd);
  // a regular file or /dev/null has no reader; a descriptor that does not block already needs no help
  if (stats.isFile() || (stats.isCharacterDevice() && !terminal) || isNonBlocking(fd))
    return new DirectOutput(fd, false);
  const own = openAnew(fd, stats.isFIFO());
  if (own !== undefined)
    return terminal ? new DirectOutput(own, true) : new Socket({ fd: own, readable: false }).unref();
  const child = startCopy(fd);
  return child ? new CopyOutput(child) : new DirectOutput(fd, false);
}

function isNonBlocking(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return (parseInt(flags ?? '0', 8) & constants.O_NONBLOCK) !== 0;
  } catch {
    return false;
  }
}

function openAnew(fd: number, fifo: boolean): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (fifo && errnoOf(error) === 'ENXIO') throw readerGone();
    return undefined;
  }
}

function readerGone(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
}

/** Writes by itself, and tries again where the descriptor takes nothing now. */
class DirectOutput extends Writable {
  readonly #fd: number;
  readonly #own: boolean;
  #retry: NodeJS.Timeout | undefined;

  constructor(fd: number, own: boolean) {
    super();
    this.#fd = fd;
    this.#own = own;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.#writeFrom(chunk, 0, done);
  }

  #writeFrom(chunk: Buffer, start: number, done: Done): void {
    let at = start;
    try {
      // a disk that is nearly full takes a part, and says why with the next one
      while (at < chunk.length) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') return done(error as Error);
      this.#retry = setTimeout(() => this.#writeFrom(chunk, at, done), RETRY_MS);
      return;
    }
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#retry);
    if (this.#own) closeSync(this.#fd);
    done(error);
  }
}

/** The child ends with its input, at no signal: it has the last lines still to write. */
const COPIES: readonly (readonly [program: string, ...args: string[]])[] = [
  ['/bin/sh', '-c', 'trap "" HUP INT QUIT TERM USR1 USR2; exec cat'],
  [
    process.execPath,
    '-e',
    "for (const name of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2']) process.on(name, () => {});" +
      "process.stdin.pipe(require('node:fs').createWriteStream('', { fd: 1 }));",
  ],
];

function startCopy(fd: number): ChildProcess | undefined {
  for (const [program, ...args] of COPIES) {
    const child = spawn(program, args, { stdio: ['pipe', fd, 'ignore'] });
    child.on('error', () => {}); // there is no such program here, or no room for one more process
    if (child.pid !== undefined) return child;
  }
  return undefined;
}

class CopyOutput extends Writable {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    super();
    this.#child = child;
    child.unref();
    child.stdin!.on('error', () => {}); // the write itself fails, too
    (child.stdin as Socket).unref();
    // it ends before its input only where its output has failed
    child.once('exit', () => this.destroy(readerGone()));
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.#child.stdin!.write(chunk, done);
  }

  override _final(done: Done): void {
    this.#child.removeAllListeners('exit');
    this.#child.once('exit', code => done(code === 0 ? null : readerGone()));
    this.#child.ref();
    this.#child.stdin!.end();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#child.kill('SIGKILL');
    this.#child.stdin!.destroy();
    done(error);
  }
}
