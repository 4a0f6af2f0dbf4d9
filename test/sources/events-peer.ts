// Listens to conntrack events in a network namespace of a test. It reads one order a line from standard input,
// `{"order":"open","with":{…}}`, and answers each with a line of JSON. What it can be told is in events-rig.ts.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import * as layout from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import type { EventSource } from '../../src/sources/events.js';
import type { Orders, SeenEvent } from './events-rig.js';

const backend = await loadBackend('native');
const kinds = ['none', 'new', 'update', 'destroy'] as const;
const seen: SeenEvent[] = [];
let source: EventSource | undefined;

function eventOf(batch: Batch, row: number): SeenEvent {
  const base = row * batch.size;
  const u32 = (at: number) => batch.u32[(base + at) >> 2];
  const has = (flag: number) => (u32(layout.PRESENT) & flag) !== 0;
  return {
    event: kinds[u32(layout.EVENT)],
    protocol: batch.bytes[base + layout.PROTOCOL],
    sport: batch.u16[(base + layout.ORIG_SPORT) >> 1],
    dport: batch.u16[(base + layout.ORIG_DPORT) >> 1],
    ...(has(layout.HAS_ORIG_COUNTERS | layout.HAS_REPLY_COUNTERS) && {
      counters: [layout.ORIG_PACKETS, layout.ORIG_OCTETS, layout.REPLY_PACKETS, layout.REPLY_OCTETS].map(u32),
    }),
    ...(has(layout.HAS_TCP_STATE) && { state: layout.TCP_STATES[batch.bytes[base + layout.STATE]] }),
    lasted: has(layout.HAS_START) && has(layout.HAS_STOP),
  };
}

/** Milliseconds, with the event loop stopped. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Milliseconds for what has been told to happen. */
const PATIENCE = 50_000;

/** Asks with the event loop stopped. @returns the first answer that will do, or the last */
function untilBlocked<T>(ask: () => T, willDo: (answer: T) => boolean, interval: number): T {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const answer = ask();
    if (willDo(answer) || performance.now() > end) return answer;
    block(interval);
  }
}

function listeningThreads(): number {
  const listens = (thread: string): boolean => {
    try {
      return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim() === 'ctflow-events';
    } catch {
      return false; // it has ended meanwhile
    }
  };
  return readdirSync('/proc/self/task').filter(listens).length;
}

/** A thread that has been joined is in /proc for a moment longer. */
const threadsLeft = (): number => untilBlocked(listeningThreads, count => count === 0, 10);

/** Flushes the table. @returns events that the thread has read when it has read so many and come to rest */
function flushBlocked(least: number): number {
  spawnSync('conntrack', ['-F']);
  let before = -1;
  const rests = (now: number): boolean => {
    const same = now === before;
    before = now;
    return same && now >= least;
  };
  return untilBlocked(() => source!.counts().destroyed, rests, 300);
}

const dyingBlocked = (): number =>
  spawnSync('conntrack', ['-L', 'dying'], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout.split('\n').length - 1;

const orders: Orders = {
  async open(options) {
    source = backend.openEvents(options, {
      onBatch: batch => {
        for (let row = 0; row < batch.count; row++) seen.push(eventOf(batch, row));
      },
      onError: error => {
        throw error;
      },
    });
    return { receiveBuffer: source.receiveBuffer };
  },
  async seen({ drain }) {
    if (drain) await source!.drain();
    return { events: seen, counts: source!.counts() };
  },
  async dying({ limit }) {
    return { count: await source!.dyingCount(limit) };
  },
  async setBroadcastError({ on }) {
    source!.setBroadcastError(on);
    return {};
  },
  async flushBlocked({ least, close }) {
    const read = flushBlocked(least);
    if (close === 'leave') await source!.leave();
    if (close) source!.close();
    return { read, threads: close ? threadsLeft() : listeningThreads() };
  },
  async letGoBlocked({ least }) {
    const read = flushBlocked(least);
    const kept = dyingBlocked();
    source!.setBroadcastError(false);
    return { read, kept, left: untilBlocked(dyingBlocked, count => count === 0, 50) };
  },
  async close() {
    source!.close();
    return { threads: threadsLeft() };
  },
  async leave() {
    process.stdin.destroy();
    return {};
  },
};

createInterface({ input: process.stdin }).on('line', async line => {
  const { order, with: parameters } = JSON.parse(line);
  try {
    const run = orders[order as keyof Orders] as (parameters: unknown) => Promise<unknown>;
    console.log(JSON.stringify({ answer: await run(parameters) }));
  } catch (error) {
    if (!(error instanceof CtflowError)) throw error;
    const { code, message, hint } = error;
    console.log(JSON.stringify({ error: { code, message, hint } }));
  }
});
