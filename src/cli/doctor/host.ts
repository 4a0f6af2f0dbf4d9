import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { errnoOf } from '../../common/errors.js';
import { isOwnNamespace, namespacePath } from '../../common/host.js';

/** Milliseconds that a program has. */
const PATIENCE_MS = 10_000;
/** Rules of a large host. */
const MOST_OUTPUT = 256 << 20;
/** Programs of administrators, which an ordinary user's PATH lacks; first, as npm puts an `nft` of another kind into its own. */
const PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', process.env['PATH']].filter(Boolean).join(delimiter);

/** What a program wrote, or why it did not. */
export interface Ran {
  readonly output?: string;
  readonly failure?: string;
  /** It is not installed. */
  readonly absent?: boolean;
}

/** What checks see of the network namespace that is exported. */
export interface Host {
  /** The text of a file under /proc or /sys; undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** @throws an error that says why not */
  write(path: string, text: string): void;
  run(program: string, args: readonly string[]): Promise<Ran>;
  /** A command line that does the same there. */
  line(command: string): string;
  /** The process that has a socket, by the inode that /proc/net names; undefined where it cannot be seen. */
  holderOf(inode: number): number | undefined;
}

/** @param netns a name under /run/netns or a path; this process's own where it is left out */
export function hostOf(netns?: string): Host {
  if (isOwnNamespace(netns)) {
    return {
      read: path => {
        try {
          return readFileSync(path, 'utf8');
        } catch {
          return undefined;
        }
      },
      write: (path, text) => writeFileSync(path, text),
      run: (program, args) => runProgram(program, args),
      line: command => command,
      holderOf: holderOfSocket,
    };
  }
  const enter = `--net=${namespacePath(netns!)}`;
  const inside = (command: readonly string[], input?: string): string => {
    const { status, stdout, stderr, error } = spawnSync('nsenter', [enter, '--', ...command], {
      encoding: 'utf8',
      ...(input !== undefined && { input }),
      timeout: PATIENCE_MS,
      env: { ...process.env, PATH },
    });
    if (error) throw error;
    if (status !== 0) throw new Error(firstLine(stderr));
    return stdout;
  };
  return {
    read: path => {
      try {
        return inside(['cat', path]);
      } catch {
        return undefined;
      }
    },
    write: (path, text) => void inside(['sh', '-c', 'cat >"$0"', path], text),
    run: (program, args) => runProgram('nsenter', [enter, '--', program, ...args]),
    line: command => `nsenter ${enter} ${command}`,
    holderOf: holderOfSocket,
  };
}

/** A file under /proc/sys/net/netfilter. */
export function sysctl(host: Pick<Host, 'read'>, name: string): string | undefined {
  return host.read(`/proc/sys/net/netfilter/${name}`)?.trim();
}

function runProgram(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise(resolve => {
    const options = { timeout: PATIENCE_MS, maxBuffer: MOST_OUTPUT, env: { ...process.env, PATH, LC_ALL: 'C' } };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (!error) resolve({ output: stdout });
      else if (errnoOf(error) === 'ENOENT') resolve({ failure: `${program} is not installed`, absent: true });
      else {
        const why = firstLine(stderr) || error.message.split('\n')[0];
        // as nsenter says it
        resolve({ failure: why, ...(/failed to execute .*No such file/.test(why) && { absent: true }) });
      }
    });
  });
}

function holderOfSocket(inode: number): number | undefined {
  const socket = `socket:[${inode}]`;
  // what ended or was closed meanwhile, and what is another user's, cannot be read
  const readable = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch {
      return undefined;
    }
  };
  const holds = (process: string): boolean => {
    const folder = `/proc/${process}/fd`;
    const fds = readable(() => readdirSync(folder)) ?? [];
    return fds.some(fd => readable(() => readlinkSync(`${folder}/${fd}`)) === socket);
  };
  const process = readdirSync('/proc').find(name => /^\d+$/.test(name) && holds(name));
  return process === undefined ? undefined : Number(process);
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0];
}
