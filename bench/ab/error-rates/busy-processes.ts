import { spawn, type ChildProcess } from 'node:child_process';

/** At most so many at a time. */
const MOST = 3;
/** Milliseconds that one lasts, and until the next comes, at most. */
const LONGEST = 6_000;
const PROGRAM = 'const ends = Date.now() + Number(process.argv[1]); while (Date.now() < ends);';

/** Processes that only use CPU time, and come and go at random. */
export class BusyProcesses {
  readonly #running = new Set<ChildProcess>();
  #next: NodeJS.Timeout | undefined;

  constructor() {
    this.#come();
  }

  end(): void {
    clearTimeout(this.#next);
    for (const child of this.#running) child.kill('SIGKILL');
  }

  #come(): void {
    if (this.#running.size < MOST) {
      // each ends by itself, whatever becomes of this process
      const child = spawn(process.execPath, ['--eval', PROGRAM, String(Math.random() * LONGEST)], { stdio: 'ignore' });
      this.#running.add(child);
      child.once('close', () => this.#running.delete(child));
    }
    this.#next = setTimeout(() => this.#come(), (Math.random() * LONGEST) / MOST);
  }
}
