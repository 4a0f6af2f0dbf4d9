import { Session, type Profiler } from 'node:inspector';

// Code that was compiled before has no counters in its blocks. So this module comes first, and the code under test is
// imported dynamically.
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** What of a program's source has been executed, by V8's block coverage; in this thread. One at a time. */
export class Coverage {
  readonly #files: readonly string[];
  /** By script and function: 1 for each character of its source that was executed. */
  readonly #seen = new Map<string, Uint8Array>();
  /** Characters of source that were executed, in all functions. */
  size = 0;

  /** @param files parts of paths, such as `/dist/collector/` */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  /**
   * Looks at what was executed since the last call.
   * @param keep what is new is not new the next time
   * @returns how many characters of source were never executed before
   */
  take(keep: boolean): number {
    let scripts: readonly Profiler.ScriptCoverage[] = [];
    session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error;
      scripts = result;
    });
    let found = 0;
    for (const { url, scriptId, functions } of scripts) {
      if (!this.#files.some(file => url.includes(file))) continue;
      for (const { ranges } of functions) if (ranges[0].count > 0) found += this.#function(scriptId, ranges, keep);
    }
    if (keep) this.size += found;
    return found;
  }

  /** The first range is the function, others lie within those before them. */
  #function(script: string, ranges: readonly Profiler.CoverageRange[], keep: boolean): number {
    const [{ startOffset, endOffset }] = ranges;
    const now = new Uint8Array(endOffset - startOffset);
    for (const range of ranges)
      now.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset);
    const key = `${script} ${startOffset} ${endOffset}`;
    const seen = this.#seen.get(key) ?? new Uint8Array(now.length);
    let found = 0;
    for (let i = 0; i < now.length; i++) if (now[i] > seen[i]) found++;
    if (keep && found > 0) {
      for (let i = 0; i < now.length; i++) seen[i] |= now[i];
      this.#seen.set(key, seen);
    }
    return found;
  }
}
