import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { eventually } from '../eventually.js';
import { areAsleep } from './processes.js';
import { namespaceCommand, PATH } from './require.js';

/** One end of a veth pair. */
export interface LinkEnd {
  readonly name: string;
  /** With prefix length: `192.0.2.1/24`, `2001:db8::1/64`. */
  readonly addresses: readonly string[];
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds after which the program is killed and the run fails. */
  readonly timeout?: number;
  readonly where?: Where;
}

/** Inside the network namespace, or beside it: in the user namespace that owns it, in the network of the test itself. */
export type Where = 'network' | 'owner';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ENVIRONMENT = { ...process.env, PATH, LC_ALL: 'C', TZ: 'UTC' };
/** The namespace lives as long as this process, and it ends when our end of its standard input closes. */
const HOLDER = ['sh', '-c', 'echo ready; exec cat'];

/** Milliseconds after which a program hangs, where nobody says how long it may take: far above what a busy machine needs. */
const PATIENCE = 300_000;
/** Of conntrack entries that a test looks at more than once; it may be held up in between. */
const TIMEOUTS = [
  'udp_timeout',
  'udp_timeout_stream',
  'icmp_timeout',
  'icmpv6_timeout',
  'tcp_timeout_close',
  'tcp_timeout_time_wait',
].map(name => `/proc/sys/net/netfilter/nf_conntrack_${name}`);
/** Seconds. */
const LONG_TIMEOUT = 3600;

/** States of /proc/net/tcp in which nobody has anything to read: TIME_WAIT and LISTEN. */
const NOTHING_TO_READ = new Set(['06', '0A']);

/** Milliseconds that a program has for ending by itself. */
const TERM_GRACE = 3000;

/** A network namespace of a test's own, with loopback up. */
export class PrivateNamespace {
  readonly pid: number;
  readonly #holder: ChildProcess;
  /** By a user namespace of its own. */
  readonly #owned: boolean;
  readonly #children = new Set<ChildProcess>();
  readonly #nested: PrivateNamespace[] = [];
  readonly #atEnd: (() => Promise<void>)[] = [];

  private constructor(holder: ChildProcess, pid: number, owned: boolean) {
    this.#holder = holder;
    this.pid = pid;
    this.#owned = owned;
  }

  /** @param t closes the namespace when this test has ended */
  static async create(t: { teardown(done: () => Promise<void>): void }): Promise<PrivateNamespace> {
    const command = namespaceCommand();
    if (!command) throw new Error('private network namespaces are not allowed here');
    const namespace = await PrivateNamespace.#hold(command, command.includes('-Ur'));
    t.teardown(() => namespace.close());
    return namespace;
  }

  static async #hold(command: readonly string[], owned: boolean): Promise<PrivateNamespace> {
    const [program, ...args] = [...command, ...HOLDER];
    const holder = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: ENVIRONMENT });
    const ready = once(holder.stdout, 'data');
    const failed = once(holder, 'exit').then(([code]) =>
      Promise.reject(new Error(`${command.join(' ')}: exit ${code}`)),
    );
    failed.catch(() => {});
    await Promise.race([ready, failed]);
    const namespace = new PrivateNamespace(holder, holder.pid!, owned);
    await namespace.run('ip', ['link', 'set', 'dev', 'lo', 'up']);
    return namespace;
  }

  /** Another network namespace with the same owner, so that the two can be linked. It is closed together with this one. */
  async nest(): Promise<PrivateNamespace> {
    const nested = await PrivateNamespace.#hold([...this.#enter(false), 'unshare', '-n'], this.#owned);
    this.#nested.push(nested);
    return nested;
  }

  #enter(network: boolean): string[] {
    const into = [...(this.#owned ? ['-U', '--preserve-credentials'] : []), ...(network ? ['-n'] : [])];
    return into.length > 0 ? ['nsenter', '-t', String(this.pid), ...into] : [];
  }

  /** Starts a program. It is killed when the namespace closes, and by the kernel when this process dies. */
  spawn(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    where: Where = 'network',
  ): ChildProcessWithoutNullStreams {
    const outside = [...this.#enter(where === 'network'), 'setpriv', '--pdeathsig', 'KILL', '--'];
    const [program, ...rest] = [...outside, command, ...args];
    const child = spawn(program, rest, { env: { ...ENVIRONMENT, ...env } });
    child.stdin.on('error', () => {}); // a child that does not read may be gone before the input is written
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs a program to its end, whatever that is. */
  async finish(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return collect(this.spawn(command, args, options.env, options.where), options);
  }

  /** @returns standard output; @throws with standard error when the program fails */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, signal, stdout, stderr } = await this.finish(command, args, options);
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${signal ?? `exit ${code}`}\n${stderr || stdout}`);
    return stdout;
  }

  /** Loads nftables rules. */
  async nft(ruleset: string): Promise<void> {
    await this.run('nft', ['-f', '-'], { input: ruleset });
  }

  /** @param name below net/netfilter, or a path below net such as `ipv4/ip_forward` */
  async sysctl(name: string, value: number): Promise<void> {
    const path = `/proc/sys/net/${name.includes('/') ? name : `netfilter/${name}`}`;
    await this.run('sh', ['-c', 'cat >"$0"', path], { input: String(value) });
  }

  /**
   * Switches conntrack on with accounting and timestamps, which count only for entries made later; none expires while a test
   * is held up. Traffic of `untracked` ports, an exporter's to its collectors, is not tracked.
   */
  async track(untracked = '4730-4749'): Promise<void> {
    await this.nft(`table inet tracking {
      chain raw_in { type filter hook prerouting priority -300; meta l4proto { tcp, udp } th sport ${untracked} notrack; meta l4proto { tcp, udp } th dport ${untracked} notrack; }
      chain raw_out { type filter hook output priority -300; meta l4proto { tcp, udp } th sport ${untracked} notrack; meta l4proto { tcp, udp } th dport ${untracked} notrack; }
      chain on { type filter hook output priority 0; ct state invalid counter; }
    }`);
    await this.sysctl('nf_conntrack_acct', 1);
    await this.sysctl('nf_conntrack_timestamp', 1);
    await this.run('tee', TIMEOUTS, { input: String(LONG_TIMEOUT) });
  }

  /** A veth pair between this namespace and another, its addresses usable when this returns. */
  async link(here: LinkEnd, other: PrivateNamespace, there: LinkEnd): Promise<void> {
    const peer = ['peer', 'name', there.name, 'netns', String(other.pid)];
    await this.run('ip', ['link', 'add', here.name, 'type', 'veth', ...peer]);
    await Promise.all([this.#configure(here), other.#configure(there)]);
    await Promise.all([this.#awaitAddresses(), other.#awaitAddresses()]);
  }

  async #configure(end: LinkEnd): Promise<void> {
    for (const address of end.addresses) await this.run('ip', ['address', 'add', address, 'dev', end.name]);
    await this.run('ip', ['link', 'set', 'dev', end.name, 'up']);
  }

  /** Duplicate address detection holds an IPv6 address back for a second or two. */
  async #awaitAddresses(): Promise<void> {
    await eventually(
      'IPv6 duplicate address detection ends',
      async () => (await this.run('ip', ['-6', 'address', 'show', 'tentative'])) === '',
    );
  }

  /** Waits until somebody is bound to a local port. */
  async listening(protocol: 'udp' | 'tcp', port: number): Promise<void> {
    await eventually(
      `somebody listens on ${protocol} port ${port}`,
      async () => (await this.#bound(protocol, port)).length > 0,
    );
  }

  /** Waits until a program that is bound to a UDP port has read all that arrived, and has done with it: it sleeps again. */
  async drained(port: number, program: { readonly pid?: number | undefined }): Promise<void> {
    await eventually(
      `UDP port ${port} is read empty`,
      async () =>
        (await this.#bound('udp', port)).every(line => / [0-9A-F]{8}:00000000 /.test(line)) && areAsleep(program.pid!),
    );
  }

  /** Waits until whoever listens on a TCP port has read each of its connections to the end; those who sent must have ended them. */
  async readToEnd(port: number, timeout?: number): Promise<void> {
    const open = async (): Promise<string[]> =>
      (await this.#bound('tcp', port)).filter(line => !NOTHING_TO_READ.has(line.trim().split(/\s+/)[3]));
    await eventually(`TCP port ${port} is read to the end`, async () => (await open()).length === 0, timeout);
  }

  /** Lines of /proc/net/udp and the like with this local port. */
  async #bound(protocol: 'udp' | 'tcp', port: number): Promise<string[]> {
    const local = new RegExp(`^\\s*\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} `);
    const tables = [protocol, `${protocol}6`].map(table => readFile(`/proc/${this.pid}/net/${table}`, 'utf8'));
    return (await Promise.all(tables)).flatMap(table => table.split('\n')).filter(line => local.test(line));
  }

  /** Has something done when the namespace has closed. */
  atEnd(done: () => Promise<void>): void {
    this.#atEnd.push(done);
  }

  /** Ends everything inside, then the namespace. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map(stop));
    await Promise.all(this.#nested.map(nested => nested.close()));
    await stop(this.#holder);
    for (const done of this.#atEnd) await done();
  }
}

/** Asks first, as a program may have children of its own to end (nfacctd has). */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), TERM_GRACE);
  await ended;
  clearTimeout(timer);
}

/** Waits for the end of a child and gathers what it wrote. */
export async function collect(child: ChildProcessWithoutNullStreams, options: RunOptions = {}): Promise<Finished> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', chunk => stdout.push(chunk));
  child.stderr.on('data', chunk => stderr.push(chunk));
  child.stdin.end(options.input);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? PATIENCE);
  try {
    const [code, signal] = await once(child, 'close');
    return { code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  } finally {
    clearTimeout(timer);
  }
}
