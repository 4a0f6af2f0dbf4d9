import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { GO_PEERS } from '../../../bench/peers/go.js';
import type { Scope } from '../../../test/helpers/kernel/scope.js';

/** The collector of the Go module vmware/go-ipfix, as it is. */
export class GoCollector {
  readonly ports: Promise<{ tcp: string; udp: string }>;
  readonly #child = spawn(GO_PEERS, ['collect'], { stdio: ['pipe', 'pipe', 'inherit'] });
  readonly #lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();

  constructor(t: Scope) {
    this.ports = this.#answer() as Promise<{ tcp: string; udp: string }>;
    t.teardown(() => void this.#child.kill());
  }

  /** Data records that come, at most so many. */
  async receive(protocol: 'tcp' | 'udp', count: number): Promise<Record<string, string>[]> {
    this.#child.stdin.write(`${protocol} ${count}\n`);
    return (await this.#answer()) as Record<string, string>[];
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('go-ipfix has ended: the cause stands on standard error');
    return JSON.parse(value);
  }
}
