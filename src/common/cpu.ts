/** Milliseconds of CPU, user and system, that a thread or a process has taken so far. */
export type CpuClock = () => number;

/** Of all threads of this process. Node 20 has none of a single thread. */
export function processCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Adds up the CPU between {@link CpuMeter.resume} and {@link CpuMeter.pause}. */
export class CpuMeter {
  /** Milliseconds. */
  spent = 0;
  readonly #clock: CpuClock;
  #since = 0;

  constructor(clock: CpuClock) {
    this.#clock = clock;
  }

  resume(): void {
    this.#since = this.#clock();
  }

  pause(): void {
    this.spent += this.#clock() - this.#since;
  }
}
