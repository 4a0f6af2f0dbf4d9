import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext, ImplementationFn } from 'ava';

/** What a test may need of the machine: a program by its name, or one of PROBES. */
export type Need = string;

/** The part of ava's `test` and `test.serial` that is used here. */
interface Register {
  (title: string, implementation: ImplementationFn<[]>): void;
  skip(title: string, implementation: ImplementationFn<[]>): void;
}

/** What scripts/machine.mjs has unpacked. */
const UNPACKED = fileURLToPath(new URL('../../../debian/usr/bin', import.meta.url));

/**
 * Administrators' programs first: an ordinary user's PATH often lacks them, and npm puts node_modules/.bin in front of it,
 * where an `nft` of another kind lies.
 */
export const PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', process.env['PATH'], UNPACKED]
  .filter(Boolean)
  .join(delimiter);

/** Debian's Python, because the module is a package of the system and not of whatever `python3` comes first. */
export const PYTHON = '/usr/bin/python3';

const NATIVE = new URL('../../../../native/', import.meta.url);

const TRAFFIC = new URL('../../../../target/release/ctflow-traffic', import.meta.url);

const MACHINE = new URL('../../../../scripts/machine.mjs', import.meta.url).href;
const { withoutRust } = (await import(MACHINE)) as { withoutRust(): string | undefined };

const PROBES: Readonly<Record<string, () => string | undefined>> = {
  // programs in Rust are built for the test
  cargo: withoutRust,
  // where buildGo finds it too
  go: () => (findProgram('go') || existsSync('/usr/local/go/bin/go') ? undefined : 'go is not installed'),
  linux: () => (process.platform === 'linux' ? undefined : 'this is not Linux'),
  'python3-ipfix': () =>
    spawnSync(PYTHON, ['-c', 'import ipfix.reader']).status === 0 ? undefined : 'python3-ipfix is not installed',
  native: () =>
    process.platform !== 'linux'
      ? 'this is not Linux'
      : readdirSync(NATIVE).some(file => file.endsWith('.node'))
        ? undefined
        : 'the native module is not built',
  root: () => (process.getuid?.() === 0 ? undefined : 'this is not root'),
  bpf: () => (mayLoadFilters() ? undefined : 'CAP_BPF is missing'),
  traffic: () => (existsSync(TRAFFIC) ? undefined : 'the generator of traffic is not built'),
  namespace: () => withoutNamespace(['unshare', 'nsenter', 'setpriv', 'ip', 'nft']),
  // what the demonstration wants
  demo: () => withoutNamespace(['unshare', 'perl']),
};

/** Root needs no user namespace; root of a container may not be let in without one. */
const WAYS = [
  ['unshare', '-n'],
  ['unshare', '-Ur', 'unshare', '-n'],
] as const;
let way: readonly string[] | undefined;

/**
 * The command in front of a program that gives it a private network namespace; undefined where there can be none. As an
 * ordinary user it takes two steps, user namespace first: in one step /proc/net/nf_conntrack belongs to an unmapped user
 * and cannot be read.
 */
export function namespaceCommand(): readonly string[] | undefined {
  return (way ??= WAYS.find(([program, ...args]) => spawnSync(program, [...args, 'true']).status === 0));
}

/** Whether what runs in a private namespace has CAP_BPF or CAP_SYS_ADMIN in the initial user namespace. */
function mayLoadFilters(): boolean {
  const effective = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const capabilities = (1n << 39n) | (1n << 21n);
  return (BigInt(`0x${effective}`) & capabilities) !== 0n && !namespaceCommand()?.includes('-Ur');
}

function withoutNamespace(programs: readonly string[]): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  const missing = programs.find(program => !findProgram(program));
  if (missing) return `${missing} is not installed`;
  return namespaceCommand() ? undefined : 'private network namespaces are not allowed here';
}

const known = new Map<Need, string | undefined>();

export function findProgram(name: string): string | undefined {
  return PATH.split(delimiter)
    .map(folder => join(folder, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Why the machine lacks it, or undefined where it is there. */
export function lacking(need: Need): string | undefined {
  if (!known.has(need)) {
    const probe = PROBES[need];
    known.set(need, probe ? probe() : findProgram(need) ? undefined : `${need} is not installed`);
  }
  return known.get(need);
}

/**
 * Registers a test that needs something of the machine. Where that is lacking the test is skipped with the reason in its
 * title; with CTFLOW_NO_SKIP=1 it fails instead.
 */
export function needs(test: Register, wanted: readonly Need[]) {
  return (title: string, implementation: (t: ExecutionContext) => void | Promise<void>): void => {
    const reason = wanted.map(lacking).find(Boolean);
    if (!reason) test(title, implementation);
    else if (process.env['CTFLOW_NO_SKIP'] === '1') test(title, t => t.fail(reason));
    else test.skip(`${title} (${reason})`, implementation);
  };
}
