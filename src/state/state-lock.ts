import { closeSync, ftruncateSync, readFileSync, writeSync } from 'node:fs';
import { CtflowError } from '../common/errors.js';
import { cannotWrite, isSameFile, openBeside } from './state-path.js';

/** As Backend.lockFile. */
export type LockFile = (fd: number) => boolean;

/**
 * One exporter at a time writes a state file. The kernel holds the lock, on a file beside it that is never renamed or removed; it
 * ends with the process, and counts in every PID namespace. What stands in the file is for people.
 */
export class StateLock {
  readonly path: string;
  readonly #state: string;
  readonly #lock: LockFile;
  #fd: number;

  /** @throws CtflowError CTFLOW_STATE where another exporter holds it, or it cannot be written or locked */
  constructor(state: string, lock: LockFile) {
    this.path = `${state}.lock`;
    this.#state = state;
    this.#lock = lock;
    this.#fd = this.#take();
  }

  /**
   * Whether the file is still the one that is locked. Where it is not, the one in its place is locked too.
   * @throws CtflowError as the constructor
   */
  renew(): boolean {
    if (isSameFile(this.#fd, this.path)) return true;
    const fd = this.#take();
    closeSync(this.#fd);
    this.#fd = fd;
    return false;
  }

  release(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #take(): number {
    for (;;) {
      let fd = -1;
      try {
        fd = openBeside(this.path);
        if (!this.#lock(fd)) throw inUse(this.#state, readFileSync(fd, 'latin1'));
        // an exporter of an earlier version removes the file when it ends
        if (isSameFile(fd, this.path)) {
          ftruncateSync(fd);
          writeSync(fd, `${process.pid}\n`, 0);
          return fd;
        }
      } catch (error) {
        if (fd >= 0) closeSync(fd);
        throw error instanceof CtflowError ? error : cannotWrite(this.path, error);
      }
      closeSync(fd);
    }
  }
}

/** @param holder what it has written into its lock */
function inUse(state: string, holder: string): CtflowError {
  const pid = Number.parseInt(holder, 10) || 'of unknown id';
  return new CtflowError(
    'CTFLOW_STATE',
    `${state} is in use by process ${pid} (its id in its own PID namespace)`,
    'Give each exporter its own state file',
  );
}
