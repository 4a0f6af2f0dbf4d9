import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { CtflowError } from '../../src/common/errors.js';
import type { ConnectionFilter } from '../../src/row/filter.js';
import { ORIG_SPORT, ROW_SIZE } from '../../src/row/layout.generated.js';
import type { Batch } from '../../src/row/batch.js';
import {
  dataFrames,
  doneFrame,
  dumpFrame,
  eventsFrame,
  recordingHeader,
  VERSION_WITH_EVENTS,
} from '../../src/sources/recording-frames.js';
import { RecordingWriter } from '../../src/sources/recording.js';
import { ReplaySource } from '../../src/sources/replay.js';
import type { DumpSummary } from '../../src/sources/source.js';
import { BIG_ENDIAN_AT } from '../fixtures/big-endian.js';
import { perBackend } from '../helpers/backends.js';
import {
  addresses,
  answer,
  CLIENT,
  DELETE,
  DONE,
  DUMP_INTR,
  entry,
  ERROR,
  message,
  NOOP,
  ports,
  SERVER,
} from '../helpers/builders/netlink-builder.js';
import { RowView } from '../helpers/builders/row-view.js';
import { portsOf } from '../helpers/rigs/recorder-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
const demo = fileURLToPath(new URL('../../../fixtures/demo.ctflow', import.meta.url));

/** Closed after the test. */
function open(t: ExecutionContext, path: string, { decode }: Backend, filter?: ConnectionFilter): ReplaySource {
  const source = new ReplaySource(path, decode, filter);
  t.teardown(() => source.close());
  return source;
}

/** A TCP connection that its source port names. */
function connection(port: number): Buffer {
  return entry(2, [
    [1, [addresses(CLIENT, SERVER), ports(6, port, 443)]],
    [2, [addresses(SERVER, CLIENT), ports(6, 443, port)]],
  ]);
}

interface Played {
  summary: DumpSummary | undefined;
  ports: number[];
  batches: number[];
  at: number[];
}

async function next(source: ReplaySource): Promise<Played> {
  const played: Omit<Played, 'summary'> = { ports: [], batches: [], at: [] };
  const summary = await source.dump((batch, at) => {
    played.batches.push(batch.count);
    played.at.push(at);
    for (let i = 0; i < batch.count; i++) {
      played.ports.push(new RowView(batch.bytes.subarray(0, batch.count * ROW_SIZE), i).u16(ORIG_SPORT));
    }
  });
  return { summary, ...played };
}

async function recordingOf(t: ExecutionContext, ...dumps: Uint8Array[][]): Promise<string> {
  const path = temporaryPath(t, 'replay.ctflow');
  const writer = await RecordingWriter.create(path, true);
  for (const [i, pieces] of dumps.entries()) {
    await writer.beginDump(1_700_000_000_000_000_000n + BigInt(i) * 1_500_000_000n);
    for (const piece of pieces) await writer.write(piece);
    await writer.endDump();
  }
  await writer.close();
  return path;
}

async function playOne(t: ExecutionContext, backend: Backend, ...pieces: Uint8Array[]): Promise<Played> {
  return next(open(t, await recordingOf(t, pieces), backend));
}

perBackend('each dump is the next recorded one, with its time; undefined when all are played', async (t, backend) => {
  const path = await recordingOf(t, [connection(1), connection(2), answer(DONE, 0)], [connection(3), answer(DONE, 0)]);
  const source = open(t, path, backend);
  const first = await next(source);
  t.deepEqual(first.ports, [1, 2]);
  t.deepEqual(first.at, [1_700_000_000_000]);
  t.deepEqual(first.summary, {
    startedAt: 1_700_000_000_000,
    rows: 2,
    complete: true,
    skipped: { filtered: 0, malformed: 0, ignored: 0, interrupted: 0, truncated: 0 },
  });
  const second = await next(source);
  t.deepEqual([second.ports, second.summary?.startedAt], [[3], 1_700_000_001_500]);
  t.is((await next(source)).summary, undefined);
  t.is((await next(source)).summary, undefined);
});

perBackend('batches are filled across the pieces of a dump', async (t, backend) => {
  const messages = Array.from({ length: 2500 }, (_, i) => connection(i));
  const { ports, batches, summary } = await playOne(t, backend, Buffer.concat([...messages, answer(DONE, 0)]));
  t.deepEqual(batches, [1024, 1024, 452]);
  t.deepEqual(ports, [...messages.keys()]);
  t.true(summary?.complete);
});

perBackend('a message may continue in the next piece, wherever it is split', async (t, backend) => {
  const netlink = Buffer.concat([connection(1), connection(2), answer(DONE, 0)]);
  for (const at of [1, 3, 4, 15, 16, 20, connection(1).length - 1, connection(1).length, netlink.length - 1]) {
    const { ports, summary } = await playOne(t, backend, netlink.subarray(0, at), netlink.subarray(at));
    t.deepEqual([ports, summary?.complete], [[1, 2], true], String(at));
  }
  const { ports } = await playOne(t, backend, ...Array.from(netlink, byte => Uint8Array.of(byte)));
  t.deepEqual(ports, [1, 2], 'byte by byte');
});

perBackend('the filter is applied', async (t, backend) => {
  const play = async (filter: ConnectionFilter) =>
    (await next(open(t, fixture('rich.ctflow'), backend, filter))).summary;
  const all = (await play({}))?.rows ?? 0;
  const ipv6 = await play({ family: 10 });
  t.true(ipv6 !== undefined && ipv6.rows > 3 && ipv6.rows < all);
  t.is((ipv6?.rows ?? 0) + (ipv6?.skipped['filtered'] ?? 0), all);
  t.true(ipv6?.complete);
});

perBackend('a recording of the other byte order replays on any host', async (t, backend) => {
  const { summary } = await next(open(t, fixture('big-endian.ctflow'), backend));
  t.like(summary, { rows: 5, complete: true, startedAt: Number(BIG_ENDIAN_AT / 1_000_000n) });
  t.is(summary?.skipped['ignored'], 1);
});

perBackend('the recording of the demonstration: growing counters, about one second apart', async (t, backend) => {
  const source = open(t, demo, backend);
  const dumps: Played[] = [];
  for (let played = await next(source); played.summary; played = await next(source)) dumps.push(played);
  t.is(dumps.length, 10);
  t.true(dumps.every(({ summary }) => summary?.complete && summary.rows > 10));
  t.true((dumps.at(-1)?.ports.length ?? 0) >= 15);
  for (const [i, { summary }] of dumps.entries()) {
    if (i > 0) t.true(Math.abs(summary!.startedAt - dumps[i - 1].summary!.startedAt - 1000) < 100);
  }
});

perBackend(
  'an interrupted, failed or unfinished dump is not complete, one with a malformed entry is',
  async (t, backend) => {
    const done = answer(DONE, 0);
    const interrupted = await playOne(t, backend, connection(1), message(NOOP, DUMP_INTR, new Uint8Array(0)), done);
    t.like(interrupted.summary, { rows: 1, complete: false });
    t.is(interrupted.summary?.skipped['interrupted'], 1);
    for (const type of [DONE, ERROR]) {
      const failed = await playOne(t, backend, connection(1), answer(type, -12));
      t.like(failed.summary, { rows: 1, complete: false });
      const error = failed.summary?.error;
      t.true(error instanceof CtflowError && error.code === 'CTFLOW_NETLINK' && /errno 12/.test(error.message));
    }
    const unfinished = await playOne(t, backend, connection(1));
    t.like(unfinished.summary, { rows: 1, complete: false });
    t.is(unfinished.summary?.skipped['truncated'], 1);
    const cut = await playOne(t, backend, connection(1), done, connection(2).subarray(0, 50));
    t.is(cut.summary?.skipped['truncated'], 1);
    t.false(cut.summary?.complete);
    const malformed = await playOne(t, backend, connection(1), entry(2, []), connection(2), done);
    t.deepEqual([malformed.ports, malformed.summary?.complete], [[1, 2], true]);
    t.is(malformed.summary?.skipped['malformed'], 1);
  },
);

perBackend(
  'after an impossible length the rest of the dump is skipped, and the next dump is read',
  async (t, backend) => {
    const done = answer(DONE, 0);
    for (const length of [0, 15, 0xffffffff]) {
      const lost = connection(2);
      lost.writeUInt32LE(length, 0);
      const path = await recordingOf(t, [connection(1), lost, connection(3), done], [connection(4), done]);
      const source = open(t, path, backend);
      const first = await next(source);
      t.deepEqual([first.ports, first.summary?.complete], [[1], false], String(length));
      t.is(first.summary?.skipped['truncated'], 1);
      const second = await next(source);
      t.deepEqual([second.ports, second.summary?.complete], [[4], true]);
    }
  },
);

test('a damaged file throws where it is damaged, each time', async t => {
  const path = await recordingOf(t, [connection(1), answer(DONE, 0)], [connection(2), answer(DONE, 0)]);
  await writeFile(path, (await readFile(path)).subarray(0, -3));
  const source = open(t, path, createFallbackBackend());
  t.true((await next(source)).summary?.complete);
  for (let i = 0; i < 2; i++) {
    const error = await t.throwsAsync(() => next(source), { instanceOf: CtflowError });
    t.is(error?.code, 'CTFLOW_RECORDING');
  }
});

test('a missing file throws at the first dump', async t => {
  const source = open(t, '/nowhere/at.all', createFallbackBackend());
  t.is((await t.throwsAsync(() => next(source), { instanceOf: CtflowError }))?.code, 'CTFLOW_RECORDING');
  t.notThrows(() => source.close());
});

test('a closed replay has no more dumps', async t => {
  const source = open(t, fixture('rich.ctflow'), createFallbackBackend());
  await next(source);
  source.close();
  const error = await t.throwsAsync(() => next(source), { instanceOf: CtflowError });
  t.regex(error?.message ?? '', /closed/);
});

test('a replay closed while it opens its file has no dumps', async t => {
  const source = open(t, fixture('rich.ctflow'), createFallbackBackend());
  const playing = next(source);
  source.close();
  await t.throwsAsync(() => playing, { instanceOf: CtflowError });
});

test('two dumps at the same time are refused', async t => {
  const source = open(t, demo, createFallbackBackend());
  const first = next(source);
  await t.throwsAsync(() => next(source), { instanceOf: CtflowError, message: /still running/ });
  t.true((await first).summary?.complete);
});

test('an error of the receiver ends the dump', async t => {
  const source = open(t, fixture('rich.ctflow'), createFallbackBackend());
  await t.throwsAsync(() => source.dump(() => Promise.reject(new Error('full'))), { message: 'full' });
});

test('a recording has no settings', t => {
  const source = open(t, demo, createFallbackBackend());
  t.is(source.sysctl(), undefined);
  t.throws(() => source.setSysctl('nf_conntrack_acct'), { instanceOf: CtflowError });
});

perBackend('events of a recording are delivered in their order, with their time', async (t, backend) => {
  const path = temporaryPath(t, 'events.ctflow');
  const destroy = (port: number): Buffer => {
    const bytes = connection(port);
    bytes.writeUInt16LE(DELETE, 4);
    return bytes;
  };
  const second = (n: number): bigint => 1_700_000_000_000_000_000n + BigInt(n) * 1_000_000_000n;
  const done = answer(DONE, 0);
  const dumpOf = (n: number, bytes: Uint8Array, whole: boolean, during: Uint8Array[] = []): Uint8Array[] => [
    dumpFrame(second(n)),
    ...dataFrames(bytes),
    ...during,
    ...dataFrames(done),
    doneFrame(BigInt(bytes.length + done.length), whole),
  ];
  await writeFile(
    path,
    Buffer.concat([
      recordingHeader(true, VERSION_WITH_EVENTS),
      ...eventsFrame(second(0), Buffer.concat([destroy(1), destroy(2)])),
      ...eventsFrame(second(1), connection(3)), // a NEW event
      ...dumpOf(2, connection(4), true, eventsFrame(second(3), destroy(5))),
      ...dumpOf(4, connection(6), false),
      ...eventsFrame(second(5), destroy(7)),
    ]),
  );
  const source = open(t, path, backend);
  t.true(await source.hasEvents());
  const seen: [what: string, ports: number[], at: number][] = [];
  const take = (what: string) => (batch: Batch, at: number) =>
    void seen.push([what, portsOf(batch), at - 1_700_000_000_000]);
  const complete: (boolean | undefined)[] = [];
  for (let dump = 0; dump < 3; dump++) complete.push((await source.dump(take('dump'), take('destroy')))?.complete);
  t.deepEqual(complete, [true, false, undefined]);
  t.deepEqual(seen, [
    ['destroy', [1, 2], 0],
    ['dump', [4], 3000],
    ['destroy', [5], 3000],
    ['dump', [6], 4000],
    ['destroy', [7], 5000],
  ]);
  // who does not ask for them gets the dumps alone
  const again = open(t, path, backend);
  t.deepEqual((await next(again)).ports, [4]);
  t.false(await open(t, demo, backend).hasEvents());
});
