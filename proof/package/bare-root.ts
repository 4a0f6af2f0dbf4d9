import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What `env -i` leaves a program. */
const ENVIRONMENT = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive'];
/** What apt and dpkg write of every package, and keep. */
const THEIRS =
  /^\/(proc|dev|sys)\/|^\/var\/(lib\/(apt|dpkg)|cache\/(apt|ldconfig))\/|^\/var\/log\/(apt(\/|$)|dpkg\.log|alternatives\.log)|^\/etc\/ld\.so\.cache$/;

/** A copy of a Debian in namespaces of its own: network, mounts and processes. systemd does not run there. */
export class BareRoot {
  readonly path: string;
  readonly #holder: ChildProcess;
  readonly #enter: readonly string[];

  private constructor(path: string, holder: ChildProcess, pid: number) {
    this.path = path;
    this.#holder = holder;
    const spaces = ['--net', '--mount', '--pid', '--root', '--wdns=/'];
    this.#enter = ['nsenter', `--target=${pid}`, ...spaces, '--', 'env', '-i', ...ENVIRONMENT];
  }

  /** @param debian is copied */
  static async open(debian: string, path: string): Promise<BareRoot> {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    execFileSync('cp', ['-a', '--reflink=auto', debian, path]);
    const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
    // it ends when our end of its standard input closes
    const hold = 'mount -t proc proc "$0/proc" && ip link set lo up && echo ready && exec chroot "$0" cat';
    const holder = spawn('unshare', [...apart, 'sh', '-c', hold, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
    if (holder.exitCode !== null) throw new Error(`the namespaces cannot be made (exit ${holder.exitCode})`);
    return new BareRoot(path, holder, childOf(holder.pid!));
  }

  /** Runs a program in it, as root. @throws with what it said, where it fails */
  run(program: string, ...args: readonly string[]): string {
    const [nsenter, ...enter] = this.#enter;
    const { status, stdout, stderr } = spawnSync(nsenter, [...enter, program, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${[program, ...args].join(' ')}: exit ${status}\n${stdout}${stderr}`);
    return stdout + stderr;
  }

  shell(script: string): string {
    return this.run('sh', '-ec', script);
  }

  /** Starts a program in it. */
  start(program: string, ...args: readonly string[]): ChildProcess {
    const [nsenter, ...enter] = this.#enter;
    return spawn(nsenter, [...enter, program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Ends what start() has started. */
  async end(program: ChildProcess): Promise<void> {
    if (program.exitCode !== null) return;
    const exited = once(program, 'exit');
    // nsenter itself stays outside of the process namespace, and ends as its child does
    process.kill(childOf(program.pid!), 'SIGTERM');
    await exited;
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), 'utf8');
  }

  /** All its files and folders but what apt and dpkg keep of their work. */
  files(): string[] {
    return readdirSync(this.path, { recursive: true, encoding: 'utf8' })
      .map(path => `/${path}`)
      .filter(path => !THEIRS.test(path))
      .sort();
  }

  async close(): Promise<void> {
    if (this.#holder.exitCode !== null) return;
    const exited = once(this.#holder, 'exit');
    this.#holder.stdin!.end();
    await exited;
  }
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0]);
}
