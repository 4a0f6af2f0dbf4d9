import { CPU_COUNTERS, type CpuCounter, type TableStatistics } from '../../sources/table-statistics.js';

/** Between two looks a counter does not move by as much: it began anew, as with another network namespace. */
const MOST = 2 ** 31;

/** The kernel's counters over all CPUs, without end: each CPU's has 32 bits and wraps. */
export class KernelCounters {
  readonly sums = Object.fromEntries(CPU_COUNTERS.map(counter => [counter, 0])) as Record<CpuCounter, number>;
  /** As each CPU had them last. */
  readonly #last = new Map<number, Readonly<Record<CpuCounter, number>>>();

  /** To be called more often than a counter can wrap. */
  add({ cpus }: Pick<TableStatistics, 'cpus'>): void {
    for (const { cpu, ...now } of cpus) {
      const last = this.#last.get(cpu);
      this.#last.set(cpu, now);
      for (const counter of CPU_COUNTERS) {
        const moved = (now[counter] - (last?.[counter] ?? 0)) >>> 0;
        this.sums[counter] += last && moved >= MOST ? now[counter] : moved;
      }
    }
  }
}
