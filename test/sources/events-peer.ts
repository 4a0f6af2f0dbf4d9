// Listens to conntrack events in a network namespace of a test. It reads one order a line from standard input,
// `{"order":"open","with":{…}}`, and answers each with a line of JSON. What it can be told is in events-rig.ts.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Batch } from '../../src/batch.js';
import { CtflowError } from '../../src/errors.js';
import * as layout from '../../src/layout.generated.js';
import { loadBackend } from '../../src/load-backend.js';
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

function listeningThreads(): number {
  const threads = readdirSync('/proc/self/task');
  const names = threads.map(thread => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim());
  return names.filter(name => name === 'ctflow-events').length;
}

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
  async flushBlocked({ close }) {
    spawnSync('conntrack', ['-F']);
    let read = -1;
    // the thread has come to rest
    for (let now = source!.counts().destroyed; now !== read; now = source!.counts().destroyed) {
      read = now;
      block(300);
    }
    if (close === 'close') source!.close();
    if (close === 'finish') await source!.finish();
    return { read, threads: listeningThreads() };
  },
  async close() {
    source!.close();
    return { threads: listeningThreads() };
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
