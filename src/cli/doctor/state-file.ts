import { accessSync, closeSync, constants, lstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, type CtflowError } from '../../common/errors.js';
import type { HostIdentity } from '../../common/host.js';
import { describeSize } from '../../common/size.js';
import { FILE_HEADER_SIZE, refuseFileHeader } from '../../state/journal-file.js';
import type { LockFile } from '../../state/state-lock.js';
import { openBeside, resolveStatePath } from '../../state/state-path.js';
import { error, ok, warning, type Finding } from './finding.js';

/**
 * Whether a state file can be written, is of this host and its format, and nobody else has it. Nothing is changed.
 * @param running the process of the ctflow that runs with these settings, where there is one
 */
export async function checkStateFile(
  given: string | undefined,
  identity: () => HostIdentity,
  lock: LockFile,
  running: () => Promise<number | undefined>,
): Promise<Finding> {
  if (given === undefined) return ok('none is used: no --state is given');
  let path: string;
  try {
    path = resolveStatePath(given);
  } catch (failure) {
    return error((failure as CtflowError).message, `ls -ld ${given}`);
  }
  const folder = dirname(path);
  if (!isWritable(folder, constants.W_OK | constants.X_OK))
    return error(`${folder} cannot be written by user ${process.geteuid?.()}`, `install -d -o $(id -u) ${folder}`);
  const held = holderOf(`${path}.lock`, lock);
  if (held !== undefined && held === String(await running()))
    return ok(`${path} is in use by the running ctflow (process ${held})`);
  if (held !== undefined)
    return warning(`${path} is in use by process ${held}: a second ctflow with it does not start`, `ps -fp ${held}`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return ok(`${path} is not there yet; its directory can be written`);
  const owner = `owner ${found.uid}`;
  if (!isWritable(path, constants.R_OK | constants.W_OK))
    return error(
      `${path} (${owner}) cannot be read and written by user ${process.geteuid?.()}`,
      `chown $(id -u) ${path}`,
    );
  const refused = refuseFileHeader(headerOf(path), identity());
  if (refused !== undefined)
    return warning(`${path} is not used: ${refused}. ctflow renames it and begins anew`, `mv ${path} ${path}.refused`);
  return ok(`${path}: ${describeSize(statSync(path).size)}, ${owner}, of this boot and namespace, in use by nobody`);
}

function isWritable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** The process that has the lock, as it says in its own PID namespace; undefined where nobody has it, or locks are not to be had. */
function holderOf(path: string, lock: LockFile): string | undefined {
  let fd: number | undefined;
  try {
    fd = openBeside(path, false);
    if (lock(fd)) return undefined;
    return String(Number.parseInt(readFileSync(fd, 'latin1'), 10) || '?');
  } catch (failure) {
    if (errnoOf(failure) === 'ENOENT' || errnoOf(failure) === 'CTFLOW_BACKEND_LACKS') return undefined;
    return `? (${(failure as Error).message})`;
  } finally {
    // the lock ends with it
    if (fd !== undefined) closeSync(fd);
  }
}

function headerOf(path: string): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    const header = new Uint8Array(FILE_HEADER_SIZE);
    return header.subarray(0, readSync(fd, header, 0, FILE_HEADER_SIZE, 0));
  } finally {
    closeSync(fd);
  }
}
