import { lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CtflowError, errnoOf } from '../../common/errors.js';

const NAME = 'control.sock';
const OF_ROOT = '/run/ctflow';
/** Octets of the path of a Unix socket at most (unix(7)). */
const MOST_OCTETS = 107;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Whose socket it is, and what the environment says. */
export interface Surroundings {
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** This process. */
export function here(): Surroundings {
  return { uid: process.geteuid?.() ?? -1, env: process.env };
}

/**
 * Where a daemon has its control socket by default: in the runtime directory that systemd gives it, in /run/ctflow as root, else
 * in that of the user; undefined where there is none.
 */
export function defaultSocket({ uid, env }: Surroundings): string | undefined {
  const [given] = (env['RUNTIME_DIRECTORY'] ?? '').split(':');
  if (given) return join(given, NAME);
  if (uid === 0) return join(OF_ROOT, NAME);
  const user = env['XDG_RUNTIME_DIR'];
  return user ? join(user, 'ctflow', NAME) : undefined;
}

/** Where a command looks for a daemon: at its own place first, then at that of the system's. */
export function socketsToTry(surroundings: Surroundings): string[] {
  const own = defaultSocket(surroundings);
  return [...new Set([...(own === undefined ? [] : [own]), join(OF_ROOT, NAME)])];
}

/**
 * The folder of a socket is there, made with mode 0700 where it was not, and nobody else can put another socket in its place.
 * @throws CtflowError CTFLOW_CONTROL
 */
export function prepareFolder(path: string, { uid }: Surroundings): void {
  if (Buffer.byteLength(path) > MOST_OCTETS) {
    throw new CtflowError(
      'CTFLOW_CONTROL',
      `The path of the control socket has more than ${MOST_OCTETS} octets: ${path}`,
      'Give --control with a shorter path',
    );
  }
  const folder = dirname(path);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw noSocket(path, `its folder cannot be made (${errnoOf(error)})`, error);
  }
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) throw noSocket(path, `${folder} is no folder`);
  if (stat.uid !== 0 && stat.uid !== uid) throw noSocket(path, `${folder} belongs to another user (uid ${stat.uid})`);
  if (stat.mode & WRITABLE_BY_OTHERS && !(stat.mode & STICKY))
    throw noSocket(path, `other users may write to ${folder}`);
}

/** The control socket cannot be had, for this reason. */
export function noSocket(path: string, why: string, cause?: unknown): CtflowError {
  return new CtflowError(
    'CTFLOW_CONTROL',
    `The control socket ${path} cannot be opened: ${why}`,
    'Give --control with a path in a folder of the user that runs ctflow, or --control off',
    cause,
  );
}
