import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { eventually } from '../../test/helpers/eventually.js';

const run = promisify(execFile);

/** Milliseconds that a boot may take, and a command in it. */
const BOOT_MS = 180_000;
const COMMAND_MS = 180_000;

/** What a program said and how it ended. */
export interface Said {
  readonly code: number;
  readonly output: string;
}

/** A Debian that systemd has booted, by systemd-nspawn, with a network of its own. */
export class Container {
  readonly #nspawn: ChildProcess;
  /** Its process 1, as this host has it. */
  #leader = 0;
  console = '';

  /**
   * @param root its file system
   * @param binds folders of this host and where it has them
   */
  constructor(root: string, binds: Readonly<Record<string, string>>) {
    const args = [
      '--boot',
      '--quiet',
      `--directory=${root}`,
      '--volatile=overlay',
      '--private-network',
      '--console=pipe',
      '--link-journal=no',
      '--register=no',
      '--keep-unit',
      // beyond nspawn's own: for drop-ins
      '--capability=CAP_BPF,CAP_SYS_ADMIN,CAP_NET_ADMIN',
      '--system-call-filter=bpf',
      ...Object.entries(binds).map(([from, to]) => `--bind-ro=${from}:${to}`),
    ];
    this.#nspawn = spawn('systemd-nspawn', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#nspawn.stdout!, this.#nspawn.stderr!])
      stream.on('data', (chunk: Buffer) => (this.console += String(chunk)));
  }

  /** @throws with the console, where it does not boot */
  async booted(): Promise<void> {
    const up = async (): Promise<boolean> => {
      if (this.#nspawn.exitCode !== null) throw new Error(`systemd-nspawn: exit ${this.#nspawn.exitCode}`);
      this.#leader ||= childOf(this.#nspawn.pid!);
      return this.#leader !== 0 && /running|degraded/.test((await this.run('systemctl', 'is-system-running')).output);
    };
    try {
      await eventually('systemd has started everything', up, BOOT_MS);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.console}`, { cause: error });
    }
  }

  /** Runs a program in it, as root. */
  async run(program: string, ...args: readonly string[]): Promise<Said> {
    const enter = ['-t', String(this.#leader), '-m', '-u', '-i', '-n', '-p', '-C', '--', 'env', '-i'];
    const environment = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'SYSTEMD_COLORS=0', 'LC_ALL=C.UTF-8'];
    try {
      const options = { timeout: COMMAND_MS, maxBuffer: 64 << 20 };
      const { stdout, stderr } = await run('nsenter', [...enter, ...environment, program, ...args], options);
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
      return { code: typeof code === 'number' ? code : 1, output: stdout + stderr };
    }
  }

  /** The same by a shell. */
  shell(script: string): Promise<Said> {
    return this.run('sh', '-c', script);
  }

  /** Powers it off. */
  async close(): Promise<void> {
    if (this.#nspawn.exitCode !== null) return;
    // SIGRTMIN+4 is poweroff; a container that does not boot is killed
    if (this.#leader !== 0) spawnSync('kill', ['-s', 'RTMIN+4', String(this.#leader)]);
    const gone = (): boolean => this.#nspawn.exitCode !== null || this.#nspawn.signalCode !== null;
    await eventually('it is off', gone, 60_000).catch(() => this.#nspawn.kill('SIGKILL'));
  }
}

function childOf(pid: number): number {
  const path = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(path)) return 0;
  // systemd-nspawn's outer child ends early; the one that stays is process 1
  const children = readFileSync(path, 'latin1').trim().split(' ').map(Number).filter(Boolean);
  return children.find(child => isFirst(child)) ?? 0;
}

/** Whether it is process 1 of a PID namespace of its own. */
function isFirst(pid: number): boolean {
  const [, ids = ''] = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return ids.split(/\s+/).at(-1) === '1';
}
