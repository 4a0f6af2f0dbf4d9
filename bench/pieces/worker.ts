/** Dumps of a table that changes meanwhile, at once and in pieces: a job from standard input, the answer on standard output. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binding } from '../../src/backend/native.js';
import { loadBackend } from '../../src/backend/load.js';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import { filterWords } from '../../src/row/filter.js';
import { Batch } from '../../src/row/batch.js';
import { ORIG_DST, ROW_SIZE } from '../../src/row/layout.generated.js';
import { ROOT } from '../host/machine.js';
import { KernelTable } from '../workload/kernel-table.js';
import type { PiecesJob, PiecesResult } from './job.js';

/** The kernel fills at most so much for a read. */
const READ = 32 * 1024;
/** Milliseconds between two changes of the table. */
const CHANGE_MS = 20;
/** The destination of flow 0, see crates/ctflow-bench/src/flows.rs. */
const FIRST_DESTINATION = 0x7f01_0000;

const { connections, churn, duration, dumps } = JSON.parse(await text(process.stdin)) as PiecesJob;
const { decode } = await loadBackend('native');
const { nativeFile } = (await import(join(ROOT, 'native/file.js'))) as typeof import('../../native/file.js');
const binding = createRequire(import.meta.url)(nativeFile()) as Binding;
const socket = new binding.ConntrackSocket();
const table = await KernelTable.open('ipv4');
await table.begin(connections);
/** Flows from the first to before the last are there for sure; those before `deleted` may be gone. */
const there = { deleted: 0, first: 0, last: connections, begun: connections };
let changing = true;
const changes = change();
const result: PiecesResult = {
  lasting: 0,
  missed: 0,
  doubled: 0,
  came: 0,
  cameShown: 0,
  went: 0,
  wentShown: 0,
  seconds: 0,
};
for (let i = 0; i < dumps; i++) await compare();
changing = false;
await changes;
await table.close();
process.stdout.write(JSON.stringify(result));
socket.close();

/** The oldest go, and as many come. */
async function change(): Promise<void> {
  const flows = Math.round((churn * CHANGE_MS) / 1000);
  while (changing && flows > 0) {
    const next = performance.now() + CHANGE_MS;
    there.deleted += flows;
    await table.end(flows);
    there.first += flows;
    there.begun += flows;
    await table.begin(flows);
    there.last += flows;
    await sleep(Math.max(0, next - performance.now()));
  }
}

/** One dump, and what it should have shown. */
async function compare(): Promise<void> {
  const before = { ...there };
  const began = performance.now();
  const times = await dump();
  result.seconds += (performance.now() - began) / 1000;
  const after = { ...there };
  for (let flow = before.first; flow < after.begun; flow++) {
    const shown = times.get(flow) ?? 0;
    if (shown > 1) result.doubled += shown - 1;
    if (flow >= before.last) {
      result.came++;
      result.cameShown += Math.min(shown, 1);
    } else if (flow < after.deleted) {
      result.went++;
      result.wentShown += Math.min(shown, 1);
    } else {
      result.lasting++;
      if (shown === 0) result.missed++;
    }
  }
}

/** How often a dump has shown each flow. */
async function dump(): Promise<Map<number, number>> {
  const words = filterWords({});
  const times = new Map<number, number>();
  const out = new Uint8Array(READ);
  const rows = new Batch(1024);
  const began = performance.now();
  socket.startDump(words);
  for (let done = false, shown = 0; !done;) {
    const read = await socket.readRaw(out);
    done = read.done;
    if (read.truncated + read.overrun + read.error > 0) throw new Error(`a read failed: ${JSON.stringify(read)}`);
    const { rows: count } = decode(out.subarray(0, read.bytes), HOST_LITTLE_ENDIAN, words, rows.bytes);
    for (let row = 0; row < count; row++) {
      const view = new DataView(rows.bytes.buffer, row * ROW_SIZE + ORIG_DST);
      const flow = view.getUint32(0) - FIRST_DESTINATION;
      times.set(flow, (times.get(flow) ?? 0) + 1);
    }
    shown += count;
    const wait = began + duration * Math.min(shown / connections, 1) - performance.now();
    if (!done && wait > 0) await sleep(wait);
  }
  return times;
}
