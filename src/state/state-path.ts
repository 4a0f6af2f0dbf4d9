import { constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CtflowError, errnoOf } from '../common/errors.js';

/** As many links as Linux follows. */
const MOST_LINKS = 40;
/** No link leads elsewhere, and a FIFO does not block. */
const NOWHERE_ELSE = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The state file that a path stands for: links are followed, so that all names of one file have one lock.
 * @throws CtflowError CTFLOW_STATE where it is no regular file, or has another name too
 */
export function resolveStatePath(path: string): string {
  let at = resolve(path);
  for (let links = 0; links <= MOST_LINKS; links++) {
    try {
      at = join(realpathSync(dirname(at)), basename(at));
      const found = lstatSync(at, { throwIfNoEntry: false });
      if (found?.isSymbolicLink()) {
        at = resolve(dirname(at), readlinkSync(at));
        continue;
      }
      if (!found) return at;
      if (!found.isFile()) throw notUsable(path, 'is not a regular file', 'Give the path of a file');
      if (found.nlink > 1) throw notUsable(path, 'has more than one name (hard links)', 'Remove the other names');
      return at;
    } catch (error) {
      throw error instanceof CtflowError ? error : cannotWrite(path, error);
    }
  }
  throw notUsable(path, 'is a link that leads nowhere', 'Give the path of a file');
}

/** Opens a file beside the state file, for reading and writing. @throws the system's error */
export function openBeside(path: string, create = true): number {
  return openSync(path, constants.O_RDWR | NOWHERE_ELSE | (create ? constants.O_CREAT : 0), 0o600);
}

/** Whether the path leads to the file that is open. */
export function isSameFile(fd: number, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false });
  const { ino, dev } = fstatSync(fd);
  return named !== undefined && named.ino === ino && named.dev === dev;
}

export function cannotWrite(path: string, error: unknown): CtflowError {
  const what = `cannot be written (${errnoOf(error) || String(error)})`;
  return notUsable(path, what, 'Give a file in a directory that ctflow can write to', error);
}

function notUsable(path: string, what: string, hint: string, cause?: unknown): CtflowError {
  return new CtflowError('CTFLOW_STATE', `${path} ${what}`, hint, cause);
}
