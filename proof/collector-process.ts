import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { CTFLOW } from '../test/helpers/kernel/command.js';
import { eventually } from '../test/helpers/eventually.js';
import type { PrivateNamespace } from '../test/helpers/kernel/namespace.js';

export const COLLECTOR_PORT = 4739;
export type Protocol = 'tcp' | 'udp';

export function collectorEndpoint(protocol: Protocol): string {
  return `${protocol}://127.0.0.1:${COLLECTOR_PORT}`;
}

/** A busy machine may take long to read what has come; milliseconds. */
const PATIENCE = 180_000;

/** `ctflow collect` in the router, its records as lines of JSON at the end of a file. */
export class CollectorProcess {
  readonly #router: PrivateNamespace;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #protocol: Protocol;
  #stderr = '';

  private constructor(router: PrivateNamespace, child: ChildProcessWithoutNullStreams, protocol: Protocol) {
    this.#router = router;
    this.#child = child;
    this.#protocol = protocol;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
  }

  /** Resolves when it listens. */
  static async start(router: PrivateNamespace, file: string, protocol: Protocol): Promise<CollectorProcess> {
    const command = [process.execPath, CTFLOW, 'collect', '--format', 'json', '--listen', collectorEndpoint(protocol)];
    const child = router.spawn('sh', ['-c', 'exec "$@" >>"$0"', file, ...command]);
    const collector = new CollectorProcess(router, child, protocol);
    const listens = () => {
      if (child.exitCode !== null) throw new Error(`the collector does not run: ${collector.#stderr}`);
      return collector.#stderr.includes('listening');
    };
    await eventually('the collector listens', listens, PATIENCE);
    return collector;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = await exited;
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`the collector ended with ${code}: ${this.#stderr}`);
  }

  /** Resolves when all that has come to it has been read. */
  async readEverything(): Promise<void> {
    if (this.#protocol === 'tcp') await this.#router.readToEnd(COLLECTOR_PORT, PATIENCE);
    else await this.#router.drained(COLLECTOR_PORT, this.#child);
  }
}
