import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { PrivateNamespace } from '../test/helpers/namespace.js';
import { lacking } from '../test/helpers/require.js';

const NF_CONNTRACK_MAX = '/proc/sys/net/nf_conntrack_max';
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
    let putBack = (): void => {};
    let end: (() => Promise<void>) | undefined;
    const close = async (): Promise<void> => {
      await end?.();
      putBack();
    };
    try {
      const namespace = await PrivateNamespace.create({ teardown: done => (end = done) });
      await namespace.track();
      // there is a limit once conntrack is there
      putBack = raiseLimit(entries + SPARE_ENTRIES);
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

/** @throws where the limit is lower and may not be raised */
function raiseLimit(entries: number): () => void {
  const before = readFileSync(NF_CONNTRACK_MAX, 'latin1').trim();
  if (Number(before) >= entries) return () => {};
  try {
    writeFileSync(NF_CONNTRACK_MAX, String(entries));
  } catch (error) {
    throw new Error(
      `net.nf_conntrack_max is ${before}, ${entries} are needed: raise it, or measure fewer connections`,
      {
        cause: error,
      },
    );
  }
  return () => writeFileSync(NF_CONNTRACK_MAX, before);
}
