import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PrivateNamespace } from '../test/helpers/kernel/namespace.js';
import type { ConnectionCount } from './balance.js';
import type { Ledger } from './ledger.js';

/** A connection as it was when it ended. */
export interface EndedConnection {
  readonly flowId: string;
  /** In the order of Ledger's numbers. */
  readonly totals: readonly number[];
}

/** Of the ends in their order: the first, and one past the last. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const PROGRAM = fileURLToPath(new URL('./witness-program.js', import.meta.url));

/** Looks on while no exporter does: what ends then has its last counters from here. */
export class Witness {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: EndedConnection[] = [];
  readonly #marks: ((ends: number) => void)[] = [];
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
        else witness.#read(JSON.parse(line));
      });
    });
    return witness;
  }

  /**
   * How many DESTROY events have come up to now. Their stop times would not do: a connection that has expired is taken from
   * the table later, and its event comes then, with the time at which it expired.
   */
  mark(): Promise<number> {
    this.#child.stdin.write('mark\n');
    return new Promise(resolve => this.#marks.push(resolve));
  }

  /** What ended since it listens, in the kernel's order, and how often its receive buffer ran over. */
  async finish(): Promise<{ ended: readonly EndedConnection[]; overrun: number }> {
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
    if (this.#overrun === undefined) throw new Error(`the witness ended without its last word: ${this.#stderr}`);
    return { ended: this.#ended, overrun: this.#overrun };
  }

  #read(said: EndedConnection | { overrun: number } | { mark: number }): void {
    if ('mark' in said) this.#marks.shift()!(said.mark);
    else if ('overrun' in said) this.#overrun = said.overrun;
    else this.#ended.push(said);
  }
}

/** What the collector has not received of the ends within these spans; connections are those of which it received no record. */
export function lackingOf(ended: readonly EndedConnection[], spans: readonly Span[], ledger: Ledger): ConnectionCount {
  let [connections, packets, octets] = [0, 0, 0];
  for (const [i, { flowId, totals }] of ended.entries()) {
    if (!spans.some(({ from, to }) => i >= from && i < to)) continue;
    const received = ledger.connections.byId.get(flowId);
    const lacking = totals.map((total, i) => Math.max(total - (received?.deltas[i] ?? 0), 0));
    if (!received) connections++;
    packets += lacking[0] + lacking[2];
    octets += lacking[1] + lacking[3];
  }
  return { connections, packets, octets };
}
