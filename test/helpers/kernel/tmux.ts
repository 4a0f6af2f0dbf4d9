import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { eventually } from '../eventually.js';
import { temporaryPath } from '../temporary.js';
import type { Scope } from './scope.js';

/** A terminal of its own: a server of tmux that ends with the scope. */
export class Tmux {
  readonly #socket: string;

  /** @param command typed into its shell */
  constructor(scope: Scope, width: number, height: number, command: string) {
    this.#socket = temporaryPath(scope, 'tmux.sock');
    const size = ['-x', String(width), '-y', String(height)];
    this.run('-f', '/dev/null', 'new-session', '-d', ...size, 'sh');
    scope.teardown(() => {
      try {
        this.run('kill-server');
      } catch {} // it has ended by itself
    });
    this.type(command, 'Enter');
  }

  run(...args: string[]): string {
    // what a developer may have set for ctflow stays outside
    const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('CTFLOW_'));
    const env = { ...Object.fromEntries(kept), TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', PS1: '$ ' };
    return execFileSync('tmux', ['-u', '-S', this.#socket, ...args], { encoding: 'utf8', env });
  }

  type(...keys: string[]): void {
    this.run('send-keys', ...keys);
  }

  /** The process that its shell runs. */
  get child(): number {
    const shell = this.run('display-message', '-p', '#{pane_pid}').trim();
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8'));
  }

  get lines(): string[] {
    return this.run('capture-pane', '-p').split('\n');
  }

  async sees(what: RegExp): Promise<string[]> {
    try {
      return await eventually(String(what), () => (what.test(this.lines.join('\n')) ? this.lines : undefined));
    } catch (error) {
      throw new Error(`${String(error)}\n${this.lines.join('\n')}`, { cause: error });
    }
  }
}
