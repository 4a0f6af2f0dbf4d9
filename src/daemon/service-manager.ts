import { spawn } from 'node:child_process';
import { getSystemErrorName } from 'node:util';
import { errnoOf } from '../common/errors.js';
import type { SendUnixDatagram } from '../common/log/journald.js';

const EAGAIN = 11;
/** Milliseconds until a socket without room is tried again. */
const RETRY_MS = 50;
/** Messages that wait at most; the oldest is dropped for another. */
const MOST_WAITING = 100;

/** Notifications to the service manager, sd_notify(3). */
export interface ServiceManager {
  /** Milliseconds within which it wants WATCHDOG=1, where it does. */
  readonly watchdog: number | undefined;
  /**
   * Sends `READY=1`, `STATUS=a sentence`. Never waits, and never fails: {@link ServiceOptions.failed} is called where it cannot
   * send.
   */
  notify(...assignments: readonly string[]): void;
}

export interface ServiceOptions {
  /** Of the native module; without it `systemd-notify` is run. */
  readonly send: SendUnixDatagram | undefined;
  /** Called once. */
  readonly failed: (why: string) => void;
}

/**
 * The service manager that has started this process, by NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; undefined where there is
 * none. The variables are removed, as they are not for child processes.
 */
export function serviceManager(env: NodeJS.ProcessEnv, options: ServiceOptions): ServiceManager | undefined {
  const { NOTIFY_SOCKET: address, WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (!address) return undefined;
  const asked = Number(microseconds) > 0 && (pid === undefined || Number(pid) === process.pid);
  const watchdog = asked ? Number(microseconds) / 1000 : undefined;
  const { send, failed } = options;
  const queue = new MessageQueue(send ? bySocket(send, address) : byProgram(address), failed);
  return { watchdog, notify: (...assignments) => queue.push(assignments) };
}

/** @returns why it was not delivered; `EAGAIN` where it may be later */
type Deliver = (assignments: readonly string[]) => string | undefined | Promise<string | undefined>;

function bySocket(send: SendUnixDatagram, address: string): Deliver {
  return assignments => {
    const errno = send(address, Buffer.from(assignments.join('\n')), false);
    return errno === 0 ? undefined : errno === EAGAIN ? 'EAGAIN' : getSystemErrorName(-errno);
  };
}

/** Its message comes from another process than the service's main one: the unit needs NotifyAccess=all. */
function byProgram(address: string): Deliver {
  return assignments =>
    new Promise(resolve => {
      const child = spawn('systemd-notify', assignments, {
        env: { ...process.env, NOTIFY_SOCKET: address },
        stdio: 'ignore',
      });
      child.unref();
      child.once('error', error => resolve(errnoOf(error) || error.message));
      child.once('exit', code => resolve(code === 0 ? undefined : `exit ${code}`));
    });
}

/** Delivers one message after another. */
class MessageQueue {
  readonly #deliver: Deliver;
  #failed: ((why: string) => void) | undefined;
  readonly #waiting: (readonly string[])[] = [];
  #busy = false;

  constructor(deliver: Deliver, failed: (why: string) => void) {
    this.#deliver = deliver;
    this.#failed = failed;
  }

  push(assignments: readonly string[]): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift();
    this.#waiting.push(assignments);
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const sent = this.#deliver(this.#waiting[0]);
      const why = typeof sent === 'object' ? await sent : sent;
      if (why === 'EAGAIN') {
        await new Promise(resolve => setTimeout(resolve, RETRY_MS).unref());
        continue;
      }
      this.#waiting.shift();
      if (why === undefined) continue;
      this.#failed?.(why);
      this.#failed = undefined;
    }
    this.#busy = false;
  }
}
