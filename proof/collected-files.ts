import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { CTFLOW } from '../test/helpers/kernel/command.js';

/** The file that is written. */
const OPEN = 'flows.ipfix';

/** Files in place of a collector: `ctflow collect` reads them at the end, wherever they were moved meanwhile. */
export class CollectedFiles {
  readonly endpoint: string;
  readonly #folder: string;
  readonly #moved: string;
  #names = 100_000;

  /** @param folder where the exporter writes */
  constructor(folder: string) {
    this.endpoint = `file://${join(folder, OPEN)}`;
    this.#folder = folder;
    this.#moved = join(folder, 'moved');
    mkdirSync(this.#moved);
  }

  /** Moves files away, as who ships them does. @param which also the open one, as logrotate does */
  move(which: 'closed' | 'open'): void {
    for (const name of this.#written())
      if ((name === OPEN) === (which === 'open'))
        renameSync(join(this.#folder, name), join(this.#moved, `${this.#names++}-${name}`));
  }

  /** Adds the records of all files to the end of one, as lines of JSON. @returns how many files there are */
  readInto(records: string): number {
    const moved = readdirSync(this.#moved).map(name => join(this.#moved, name));
    const files = [...moved, ...this.#written().map(name => join(this.#folder, name))];
    const to = openSync(records, 'a');
    try {
      execFileSync(process.execPath, [CTFLOW, 'collect', '--format', 'json', ...files], {
        stdio: ['ignore', to, 'pipe'],
      });
    } catch (error) {
      // it says that one is cut off, which who moved it while it was written has to expect
      if (!String((error as { stderr: unknown }).stderr).includes('CTFLOW_IPFIX')) throw error;
    } finally {
      closeSync(to);
    }
    return files.length;
  }

  #written(): string[] {
    return readdirSync(this.#folder).filter(name => name.endsWith('.ipfix'));
  }
}
