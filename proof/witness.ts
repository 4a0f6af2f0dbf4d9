import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PrivateNamespace } from '../test/helpers/namespace.js';
import type { ConnectionCount } from './balance.js';
import type { Ledger } from './ledger.js';

/** A connection as it was when it ended. */
export interface EndedConnection {
  readonly flowId: string;
  /** Milliseconds since 1970. */
  readonly stop: number;
  /** In the order of Ledger's numbers. */
  readonly totals: readonly number[];
}

/** Milliseconds since 1970. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

const PROGRAM = fileURLToPath(new URL('./witness-program.js', import.meta.url));

/** Looks on while no exporter does: what ends then has its last counters from here. */
export class Witness {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: EndedConnection[] = [];
  #overrun: number | undefined;
  #stderr = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
  }

  /**
   * Resolves when it listens.
   * @param demanding it has a small buffer, and has the kernel deliver again, to everybody, what did not fit
   */
  static async start(router: PrivateNamespace, demanding = false): Promise<Witness> {
    const witness = new Witness(router.spawn(process.execPath, demanding ? [PROGRAM, 'demanding'] : [PROGRAM]));
    await new Promise<void>((resolve, reject) => {
      witness.#child.once('exit', code => reject(new Error(`the witness ended with ${code}: ${witness.#stderr}`)));
      createInterface({ input: witness.#child.stdout }).on('line', line => {
        if (line === 'ready') resolve();
        else witness.#hear(JSON.parse(line));
      });
    });
    return witness;
  }

  /** What ended since it listens, and how often its receive buffer ran over. */
  async finish(): Promise<{ ended: readonly EndedConnection[]; overrun: number }> {
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
    if (this.#overrun === undefined) throw new Error(`the witness ended without its last word: ${this.#stderr}`);
    return { ended: this.#ended, overrun: this.#overrun };
  }

  #hear(said: EndedConnection | { overrun: number }): void {
    if ('overrun' in said) this.#overrun = said.overrun;
    else this.#ended.push(said);
  }
}

/** What the collector was not told of connections that ended within these times; connections are those it never heard of. */
export function lackingOf(
  ended: readonly EndedConnection[],
  times: readonly Interval[],
  ledger: Ledger,
): ConnectionCount {
  let [connections, packets, octets] = [0, 0, 0];
  for (const { flowId, stop, totals } of ended) {
    if (!times.some(({ from, to }) => stop >= from && stop < to)) continue;
    const told = ledger.connections.byId.get(flowId);
    const lacking = totals.map((total, i) => Math.max(total - (told?.deltas[i] ?? 0), 0));
    if (!told) connections++;
    packets += lacking[0] + lacking[2];
    octets += lacking[1] + lacking[3];
  }
  return { connections, packets, octets };
}

/** A message carries whole seconds; milliseconds. */
const EXPORT_TIME = 1_000;

/**
 * From when on an exporter that was killed had not told of ends: as long before as it told of those before late. It tells
 * them in their order.
 * @param life when it began to listen and when it was killed
 */
export function backlog(ended: readonly EndedConnection[], life: Interval, ledger: Ledger): Interval {
  let latest = 0;
  for (const { flowId, stop } of ended) {
    const told = ledger.connections.byId.get(flowId)?.lastTold;
    if (told === undefined || stop < life.from || told > life.to) continue;
    latest = Math.max(latest, told - stop);
  }
  return { from: Math.max(life.to - latest - 2 * EXPORT_TIME, life.from), to: life.to };
}
