import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EventCounts } from '../../native/binding.js';
import type { EventOptions } from '../../src/sources/events.js';
import type { PrivateNamespace } from '../helpers/kernel/namespace.js';

/** What a row of an event says. */
export interface SeenEvent {
  readonly event: 'none' | 'new' | 'update' | 'destroy';
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  /** Packets and octets, original then reply. */
  readonly counters?: readonly number[];
  readonly state?: string;
  /** Start and stop time are known. */
  readonly lasted: boolean;
}

type Order<Parameters, Answer> = (parameters: Parameters) => Promise<Answer>;

/** What the peer can be told to do. */
export interface Orders {
  open: Order<EventOptions, { receiveBuffer: number }>;
  /** All events so far, after a drain where `drain` is set. */
  seen: Order<{ drain: boolean }, { events: readonly SeenEvent[]; counts: EventCounts }>;
  dying: Order<{ limit: number }, { count: number }>;
  setBroadcastError: Order<{ on: boolean }, object>;
  /**
   * Flushes the table, and stops the event loop until the thread has read `least` events and reads no more; then closes or
   * finishes where `close` says so. Says how many events were read before and how many listening threads are left.
   */
  flushBlocked: Order<{ least: number; close?: 'close' | 'leave' }, { read: number; threads: number }>;
  /**
   * The same, and then takes NETLINK_BROADCAST_ERROR off, with the event loop stopped until the dying list is empty. Says how
   * many events were read before, and how long the list was before and after.
   */
  letGoBlocked: Order<{ least: number }, { read: number; kept: number; left: number }>;
  /** Says how many listening threads are left. */
  close: Order<object, { threads: number }>;
  /** Lets go of all but the listener. */
  leave: Order<object, object>;
}

export const PEER = fileURLToPath(new URL('./events-peer.js', import.meta.url));

/** A listener in a namespace; it ends with the namespace. */
export class EventPeer {
  readonly process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  /** @param before a command that starts the peer */
  constructor(namespace: PrivateNamespace, before: readonly string[] = []) {
    const [program, ...args] = [...before, process.execPath, PEER];
    this.process = namespace.spawn(program, args);
    this.process.stderr.on('data', chunk => (this.#stderr += chunk));
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** Gives one order and waits for its answer. @throws what the peer threw, with its code and hint */
  do<Name extends keyof Orders>(order: Name, parameters: Parameters<Orders[Name]>[0]): ReturnType<Orders[Name]> {
    this.process.stdin.write(`${JSON.stringify({ order, with: parameters })}\n`);
    return this.#answer() as ReturnType<Orders[Name]>;
  }

  async #answer(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done) throw new Error(`the peer has ended: ${this.#stderr}`);
    const { answer, error } = JSON.parse(line.value);
    if (error) throw Object.assign(new Error(), error);
    return answer;
  }

  /** The exit code once it has ended by itself. */
  async ended(): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode;
    return (await once(this.process, 'exit'))[0];
  }
}
