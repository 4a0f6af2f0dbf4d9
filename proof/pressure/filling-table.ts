import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';

/** One limit for each network namespace of the host. */
const LIMIT = '/proc/sys/net/netfilter/nf_conntrack_max';
/** Milliseconds between two lots of entries. */
const TICK = 250;
/** Entries of a lot at most. */
const LOT = 20_000;
const DAY = 86_400;

export function readLimit(): number {
  return Number(readFileSync(LIMIT, 'utf8'));
}

/** The table of a namespace, filled with entries that last and that the kernel does not remove early: they are assured. */
export class FillingTable {
  /** Entries made so far. */
  entries = 0;
  readonly #namespace: PrivateNamespace;

  constructor(namespace: PrivateNamespace) {
    this.#namespace = namespace;
  }

  /** Up to so many, as fast as it goes. @throws where there is no room */
  async fill(entries: number): Promise<void> {
    while (this.entries < entries) {
      if (!(await this.#add(Math.min(entries - this.entries, LOT)))) throw new Error('there is no room in the table');
    }
  }

  /**
   * More and more at a steady rate, until the kernel takes none.
   * @param rate entries a second
   * @returns when that was, monotonic milliseconds
   */
  async fillAt(rate: number): Promise<number> {
    const [begun, from] = [performance.now(), this.entries];
    for (;;) {
      const due = Math.floor(((performance.now() - begun) * rate) / 1_000) + from;
      if (due > this.entries && !(await this.#add(due - this.entries))) return performance.now();
      await pause(TICK);
    }
  }

  /** @returns false where the table has no room for all of them */
  async #add(count: number): Promise<boolean> {
    const input = Array.from({ length: count }, (_, i) => entry(this.entries + i)).join('');
    // conntrack opens its standard input by name, and that of a child of Node is a socket
    const { code, stderr } = await this.#namespace.finish('sh', ['-c', 'cat | conntrack -R -'], { input });
    if (code === 0) {
      this.entries += count;
      return true;
    }
    if (!stderr.includes('not enough memory')) throw new Error(`conntrack: ${stderr}`);
    return false;
  }
}

/** A line for `conntrack -R`. */
function entry(i: number): string {
  const source = `10.0.${(i >> 8) & 255}.${i & 255}`;
  return `-I -p udp -u SEEN_REPLY,ASSURED -s ${source} -d 198.51.100.1 --sport ${1_024 + (i >> 16)} --dport 53 -t ${DAY}\n`;
}
