import { ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file whose content is the input, for code that reads paths; removed with its folder when the process ends. */
export class ScratchFile {
  readonly path: string;
  readonly #fd: number;

  /** @param name of the file in its folder */
  constructor(name = 'input') {
    const folder = mkdtempSync(join(tmpdir(), 'ctflow-fuzz-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    this.path = join(folder, name);
    this.#fd = openSync(this.path, 'w+');
  }

  get fd(): number {
    return this.#fd;
  }

  write(input: Uint8Array): void {
    ftruncateSync(this.#fd);
    for (let at = 0; at < input.length;) at += writeSync(this.#fd, input, at, input.length - at, at);
  }
}
