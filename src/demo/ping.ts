import { spawn, type ChildProcess } from 'node:child_process';
import type { Hosts } from './addresses.js';
import { TOOL_PATH } from './tool.js';

/** ICMP echo from the client to the server until told to stop, by the program `ping`. */
export class Ping {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #stopping = false;

  /**
   * @param seconds it ends by itself after them, should nobody be left to stop it
   * @param onFailure gets ping's own words when it cannot do its work
   */
  constructor(hosts: Hosts, seconds: number, onFailure: (reason: string) => void) {
    const family = hosts.family === 'IPv6' ? '-6' : '-4';
    const args = [family, '-n', '-i', '0.5', '-w', String(seconds), '-I', hosts.client, hosts.server];
    this.#child = spawn('ping', args, {
      env: { ...process.env, PATH: TOOL_PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.resume(); // read by nobody, and without a reader ping ends: it does not outlive this process
    let said = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    this.#child.on('error', error => onFailure(error.message));
    this.#closed = new Promise(resolve => {
      this.#child.on('close', code => {
        if (code !== 0 && !this.#stopping) onFailure(said.trim() || `ping ended with ${code}`);
        resolve();
      });
    });
  }

  /** Resolves when the program has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.kill('SIGINT');
    await this.#closed;
  }

  /** At once, for the way out of the process. */
  kill(): void {
    this.#stopping = true;
    this.#child.kill('SIGKILL');
  }
}
