import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { CtflowError, errnoOf } from '../common/errors.js';

/** One exporter at a time writes a state file: it keeps a file beside it that names the process. */
export class StateLock {
  readonly #path: string;

  /** @throws CtflowError CTFLOW_STATE where another process holds it, or it cannot be written */
  constructor(state: string) {
    this.#path = `${state}.lock`;
    for (let again = true; ; again = false) {
      try {
        writeFileSync(this.#path, `${nameOf(process.pid)}\n`, { flag: 'wx', mode: 0o600 });
        return;
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw cannotWrite(this.#path, error);
      }
      const holder = this.#holder();
      if (holder !== undefined || !again) {
        throw new CtflowError(
          'CTFLOW_STATE',
          `${state} is in use by process ${holder ?? 'of unknown id'}`,
          `Give each exporter its own state file; if no exporter is running, remove ${this.#path}`,
        );
      }
      // its holder was killed
      rmSync(this.#path, { force: true });
    }
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }

  /** The process id of a holder that lives. */
  #holder(): number | undefined {
    let name: string;
    try {
      name = readFileSync(this.#path, 'latin1').trim();
    } catch {
      return undefined;
    }
    const pid = Number.parseInt(name, 10);
    return pid > 0 && nameOf(pid) === name ? pid : undefined;
  }
}

export function cannotWrite(path: string, error: unknown): CtflowError {
  return new CtflowError(
    'CTFLOW_STATE',
    `${path} cannot be written (${errnoOf(error) || String(error)})`,
    'Give a file in a directory that ctflow can write to',
    error,
  );
}

/** A process id and when it began, as ids are used again; the id alone where no such process runs. */
function nameOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // fields are counted behind the name, which may hold anything; the 22nd is the start
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /[ZX]/.test(fields[0]) ? String(pid) : `${pid} ${fields[19]}`;
  } catch {
    return String(pid);
  }
}
