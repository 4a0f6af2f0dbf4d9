import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { constants } from 'node:os';
import { raiseConntrackLimit } from '../../test/helpers/kernel/conntrack-limit.js';
import { EndingScope } from '../../test/helpers/kernel/scope.js';
import { PrivateNamespace } from '../../test/helpers/kernel/namespace.js';
import { lacking } from '../../test/helpers/kernel/require.js';

/** What else of the machine may need entries meanwhile. */
const SPARE_ENTRIES = 50_000;
/** Seconds without a packet after which the kernel forgets a flow: longer than any measurement. */
const UDP_TIMEOUT = 3_600;
/** The exporter's packets to it are not tracked. */
export const COLLECTOR_PORT = 4739;

/** A network namespace with conntrack on and nothing in its table; IPv6 flows may go to any address of 2001:db8:1::/64. */
export class KernelNamespace {
  readonly #namespace: PrivateNamespace;
  readonly #close: () => Promise<void>;

  private constructor(namespace: PrivateNamespace, close: () => Promise<void>) {
    this.#namespace = namespace;
    this.#close = close;
  }

  /** What the machine lacks for it, undefined where it lacks nothing. */
  static lacks(): string | undefined {
    return lacking('linux') ?? lacking('namespace');
  }

  /** @param entries that its table must hold; the limit is the whole machine's, and is put back in the end */
  static async create(entries: number): Promise<KernelNamespace> {
    const scope = new EndingScope();
    const close = (): Promise<void> => scope.end();
    try {
      const namespace = await PrivateNamespace.create(scope);
      await namespace.track();
      // there is a limit once conntrack is there
      exitAtSignals();
      raiseConntrackLimit(scope, entries + SPARE_ENTRIES);
      await namespace.sysctl('nf_conntrack_events', 1);
      await namespace.sysctl('nf_conntrack_udp_timeout', UDP_TIMEOUT);
      await namespace.run('ip', ['-6', 'route', 'add', 'local', '2001:db8:1::/64', 'dev', 'lo']);
      return new KernelNamespace(namespace, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  spawn(program: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams {
    return this.#namespace.spawn(program, args, env);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

let listening = false;

/** Who interrupts a benchmark gets the limit back too: only an end by exit calls who waits for it. */
function exitAtSignals(): void {
  if (listening) return;
  listening = true;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
}
