// Runs in a network namespace of a test. Given filters, it dumps the table once for each and prints all that a row says, as
// JSON; without any it uses the native socket wrongly and prints what that says.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ListedDirection } from '../helpers/kernel/conntrack-list.js';
import type { Binding } from '../../src/backend/native.js';
import type { Backend } from '../../src/backend/backend.js';
import type { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import { type ConnectionFilter, filterWords } from '../../src/row/filter.js';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import * as layout from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import type { NetlinkSource } from '../../src/sources/netlink.js';

export interface PeerRequest {
  readonly filters: readonly ConnectionFilter[];
  /** A dump whose receiver throws goes before each. */
  readonly abandon?: boolean;
}

export interface PeerRow {
  readonly family: number;
  readonly protocol: number;
  readonly id: string;
  readonly mark: number;
  readonly status: number;
  readonly timeout: number;
  /** Seconds since 1970. */
  readonly start?: number;
  readonly state?: string;
  readonly original: ListedDirection;
  readonly reply: ListedDirection;
}

export interface PeerDump {
  readonly rows: PeerRow[];
  readonly complete: boolean;
  readonly error?: string;
  /** Rows of the same dump taken raw and decoded afterwards; -1 where it is not one whole dump. */
  readonly recorded: number;
}

/** enum sctp_conntrack. */
const SCTP_STATES = ['NONE', 'CLOSED', 'COOKIE_WAIT', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECD'];

const ORIGINAL = {
  src: layout.ORIG_SRC,
  dst: layout.ORIG_DST,
  sport: layout.ORIG_SPORT,
  dport: layout.ORIG_DPORT,
  zone: layout.ORIG_ZONE,
  hasZone: layout.HAS_ORIG_ZONE,
  packets: layout.ORIG_PACKETS,
  octets: layout.ORIG_OCTETS,
  hasCounters: layout.HAS_ORIG_COUNTERS,
};

type Side = { readonly [Fact in keyof typeof ORIGINAL]: number };

const REPLY: Side = {
  src: layout.REPLY_SRC,
  dst: layout.REPLY_DST,
  sport: layout.REPLY_SPORT,
  dport: layout.REPLY_DPORT,
  zone: layout.REPLY_ZONE,
  hasZone: layout.HAS_REPLY_ZONE,
  packets: layout.REPLY_PACKETS,
  octets: layout.REPLY_OCTETS,
  hasCounters: layout.HAS_REPLY_COUNTERS,
};

function rowOf(batch: Batch, row: number): PeerRow {
  const base = row * batch.size;
  const u32 = (at: number) => batch.u32[(base + at) >> 2];
  const u64 = (at: number) => (BigInt(u32(at + 4)) << 32n) | BigInt(u32(at));
  const has = (flag: number) => (u32(layout.PRESENT) & flag) !== 0;
  const v4 = batch.bytes[base + layout.FAMILY] === 2;
  const address = (at: number) => {
    const bytes = [...batch.bytes.subarray(base + at, base + at + (v4 ? 4 : 16))];
    if (v4) return bytes.join('.');
    return bytes.map((byte, i) => byte.toString(16).padStart(2, '0') + (i & 1 && i < 15 ? ':' : '')).join('');
  };
  const direction = (side: Side): ListedDirection => {
    const from = batch.u16[(base + side.sport) >> 1];
    const to = batch.u16[(base + side.dport) >> 1];
    return {
      src: address(side.src),
      dst: address(side.dst),
      ...(has(layout.HAS_PORTS) && { sport: `${from}`, dport: `${to}` }),
      ...(has(layout.HAS_ICMP) && { type: `${to >> 8}`, code: `${to & 255}`, icmpId: `${from}` }),
      ...(has(side.hasZone) && { zone: `${batch.u16[(base + side.zone) >> 1]}` }),
      ...(has(side.hasCounters) && { packets: `${u64(side.packets)}`, bytes: `${u64(side.octets)}` }),
    };
  };
  return {
    family: batch.bytes[base + layout.FAMILY],
    protocol: batch.bytes[base + layout.PROTOCOL],
    id: `${u32(layout.ID)}`,
    mark: u32(layout.MARK),
    status: u32(layout.STATUS),
    timeout: u32(layout.TIMEOUT),
    ...(has(layout.HAS_START) && { start: Number(u64(layout.START_NS) / 1_000_000_000n) }),
    ...(has(layout.HAS_TCP_STATE) && { state: layout.TCP_STATES[batch.bytes[base + layout.STATE]] }),
    ...(has(layout.HAS_SCTP_STATE) && { state: SCTP_STATES[batch.bytes[base + layout.STATE]] }),
    original: direction(ORIGINAL),
    reply: direction(REPLY),
  };
}

/** A dump beside which somebody resizes the hash table is made again, so many times. */
const ATTEMPTS = 10;

async function dump(backend: Backend, filter: ConnectionFilter, abandon: boolean): Promise<PeerDump> {
  for (let attempt = 1; ; attempt++) {
    const dumped = await dumpOnce(backend, filter, abandon);
    if ((dumped.complete && dumped.recorded >= 0) || attempt === ATTEMPTS) return dumped;
  }
}

async function dumpOnce(backend: Backend, filter: ConnectionFilter, abandon: boolean): Promise<PeerDump> {
  const source = backend.openKernel({ filter }) as NetlinkSource;
  if (abandon) {
    const full = () => {
      throw new Error('full');
    };
    await source.dump(full).catch((error: Error) => {
      if (error.message !== 'full') throw error;
    });
  }
  const rows: PeerRow[] = [];
  const summary = await source.dump(batch => {
    for (let row = 0; row < batch.count; row++) rows.push(rowOf(batch, row));
  });
  const chunks: Buffer[] = [];
  const { complete: whole } = await source.recordDump(chunk => {
    chunks.push(Buffer.from(chunk));
  });
  source.close();
  const raw = Buffer.concat(chunks);
  const space = new Uint8Array((rows.length + 1) * layout.ROW_SIZE);
  const decoded = backend.decode(raw, HOST_LITTLE_ENDIAN, filterWords(filter), space);
  const recorded = whole && decoded.done && decoded.consumed === raw.length ? decoded.rows : -1;
  return { rows, complete: summary.complete, ...(summary.error && { error: summary.error.message }), recorded };
}

/** Threads of libuv, unless UV_THREADPOOL_SIZE says otherwise. */
const POOL = 4;

/** Occupies the threads that do the reads: what is begun from now on is under way until the function that is returned is called. */
function occupyPool(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-pool-'));
  const fifo = join(folder, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const held = Array.from({ length: POOL }, () => open(fifo)); // until somebody writes
  return async () => {
    const writer = openSync(fifo, 'w');
    for (const file of await Promise.all(held)) await file.close();
    closeSync(writer);
    rmSync(folder, { recursive: true });
  };
}

/** What the native socket says to each wrong use. */
async function misuse(): Promise<string[]> {
  const { nativeFile } = await import(new URL('../../../native/file.js', import.meta.url).href);
  const { ConntrackSocket } = createRequire(import.meta.url)(nativeFile()) as Binding;
  const socket = new ConntrackSocket();
  const said: string[] = [];
  const attempt = async (call: () => unknown): Promise<void> => {
    try {
      await call();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      said.push(`${code}|${message}`);
    }
  };
  const [room, more] = [new Uint8Array(1 << 20), new Uint8Array(1 << 20)];
  await attempt(() => socket.readRaw(room));
  socket.startDump(filterWords({}));
  await attempt(() => socket.readRaw(room.subarray(0, (1 << 15) - 1)));
  const goOn = occupyPool();
  const reading = socket.readRaw(room);
  await attempt(() => socket.readRaw(more));
  await attempt(() => socket.startDump(filterWords({})));
  socket.close();
  await goOn();
  await reading; // the one that is under way ends in order
  await attempt(() => socket.readRaw(room));
  await attempt(() => socket.startDump(filterWords({})));
  return said;
}

async function answer(request: PeerRequest): Promise<PeerDump[] | string[]> {
  if (request.filters.length === 0) return misuse();
  const backend = await loadBackend('native');
  const dumps: PeerDump[] = [];
  for (const filter of request.filters) dumps.push(await dump(backend, filter, request.abandon ?? false));
  return dumps;
}

try {
  console.log(JSON.stringify(await answer(JSON.parse(process.argv[2]) as PeerRequest)));
} catch (error) {
  if (!(error instanceof CtflowError)) throw error;
  const { code, message, hint } = error;
  console.log(JSON.stringify({ code, message, hint }));
}
