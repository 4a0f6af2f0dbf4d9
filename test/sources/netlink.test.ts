import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { BytesRead, ConntrackSocket } from '../../native/binding.js';
import type { Decoded } from '../../src/netlink/decode.js';
import type { Batch } from '../../src/row/batch.js';
import { CtflowError } from '../../src/common/errors.js';
import { type ConnectionFilter, filterWords } from '../../src/row/filter.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import { NetlinkSource, readRawDump } from '../../src/sources/netlink.js';
import { type ListedConnection, type ListedDirection, settledConnections } from '../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { furnish, perform } from '../integration/scene.js';
import type { PeerDump, PeerRequest, PeerRow } from './netlink-peer.js';
import { nativeFailure } from '../helpers/fakes/native-failure.js';

const NOTHING: BytesRead = {
  bytes: 0,
  ignored: 0,
  truncated: 0,
  overrun: 0,
  done: false,
  interrupted: false,
  error: 0,
  at: 1000,
  cpu: 0,
};
const FILTERED = 0xff;
const MALFORMED = 0xfe;
const UNREADABLE = 0xfd;

/** What one read brings: a byte for each message. */
interface Read extends Partial<Omit<BytesRead, 'bytes'>> {
  readonly rows?: number;
  readonly filtered?: number;
  readonly malformed?: number;
  readonly unreadable?: number;
}

/** A byte is a row, which it begins, or one of the three above. */
function decode(netlink: Uint8Array, _: boolean, __: Uint32Array, rows: Uint8Array): Decoded {
  const decoded = { rows: 0, consumed: 0, filtered: 0, malformed: 0, ignored: 0 };
  for (const byte of netlink) {
    if (byte === UNREADABLE || decoded.rows * ROW_SIZE === rows.length) break;
    decoded.consumed++;
    if (byte === FILTERED) decoded.filtered++;
    else if (byte === MALFORMED) decoded.malformed++;
    else rows[decoded.rows++ * ROW_SIZE] = byte;
  }
  return { ...decoded, done: false, interrupted: false, error: 0 };
}

/** A socket whose reads are scripted; an Error rejects. Rows begin with the number of their read. */
class FakeSocket {
  readonly events: string[] = [];
  readonly #reads: (Read | Error)[];
  #number = 0;
  #reading = 0;

  constructor(...reads: (Read | Error)[]) {
    this.#reads = reads;
  }

  /** What nf_conntrack_buckets says, one read after another; the last again and again. */
  buckets: (string | undefined)[] = ['1024'];

  startDump(): void {
    this.events.push('start');
  }

  sysctl(): string | undefined {
    return this.buckets.length > 1 ? this.buckets.shift() : this.buckets[0];
  }

  async readRaw(out: Uint8Array): Promise<BytesRead> {
    if (++this.#reading > 1) throw new Error('two reads at once');
    const number = ++this.#number;
    const read = this.#reads.shift()!;
    this.events.push(`read ${number}`);
    await sleep(1);
    this.events.push(`end ${number}`);
    this.#reading--;
    if (read instanceof Error) throw read;
    const { rows = 0, filtered = 0, malformed = 0, unreadable = 0, ...counts } = read;
    let bytes = 0;
    for (const [byte, messages] of [
      [number, rows],
      [FILTERED, filtered],
      [MALFORMED, malformed],
      [UNREADABLE, unreadable],
    ]) {
      out.fill(byte, bytes, (bytes += messages));
    }
    return { ...NOTHING, bytes, ...counts };
  }

  source(filter: ConnectionFilter = {}): NetlinkSource {
    return new NetlinkSource(this as unknown as ConntrackSocket, decode, () => 0, filter);
  }
}

test('the next read begins before the last batch is processed', async t => {
  const socket = new FakeSocket({ rows: 2 }, { rows: 3, at: 2000 }, { rows: 1, done: true });
  const batches: [number, number, number][] = [];
  const summary = await socket.source().dump(async (batch, at) => {
    socket.events.push(`batch ${batch.bytes[0]}`);
    await sleep(10);
    batches.push([batch.bytes[0], batch.count, at]);
  });
  t.deepEqual(batches, [
    [1, 2, 1000],
    [2, 3, 2000],
    [3, 1, 1000],
  ]);
  const order = 'start, read 1, end 1, read 2, batch 1, end 2, read 3, batch 2, end 3, batch 3';
  t.is(socket.events.join(', '), order);
  t.is(summary.rows, 6);
  t.true(summary.complete);
  t.is(summary.error, undefined);
});

test('a read of more rows than a batch holds is processed in parts, with the next read beside them', async t => {
  const socket = new FakeSocket({ rows: 2500 }, { rows: 1, done: true });
  const counts: number[] = [];
  const summary = await socket.source().dump(async batch => {
    socket.events.push(`batch ${batch.bytes[0]}`);
    counts.push(batch.count);
  });
  t.deepEqual(counts, [1024, 1024, 452, 1]);
  t.is(summary.rows, 2501);
  t.is(socket.events.join(', '), 'start, read 1, end 1, read 2, batch 1, batch 1, batch 1, end 2, batch 2');
});

test('unreadable messages end the processing of a read, and make the dump incomplete', async t => {
  const summary = await new FakeSocket({ rows: 2, unreadable: 1 }, { rows: 1, done: true }).source().dump(() => {});
  t.is(summary.rows, 3);
  t.is(summary.skipped['truncated'], 1);
  t.false(summary.complete);
});

test('a dump without rows delivers no batch', async t => {
  const summary = await new FakeSocket({ done: true, filtered: 7 }).source().dump(() => t.fail());
  t.is(summary.rows, 0);
  t.is(summary.skipped['filtered'], 7);
  t.true(summary.complete, 'what the filter takes out is not missing');
});

test('skipped entries are added up, and make the dump incomplete where a connection may be missing', async t => {
  const counts = { filtered: 1, malformed: 2, ignored: 3, truncated: 4, overrun: 5, interrupted: true };
  const summary = await new FakeSocket({ rows: 1, ...counts }, { done: true, ...counts }).source().dump(() => {});
  t.deepEqual(summary.skipped, {
    filtered: 2,
    malformed: 4,
    ignored: 6,
    truncated: 8,
    overrun: 10,
    interrupted: 1,
    resized: 0,
  });
  t.false(summary.complete);
  for (const lost of [{ truncated: 1 }, { overrun: 1 }, { interrupted: true }]) {
    t.false((await new FakeSocket({ done: true, ...lost }).source().dump(() => {})).complete, JSON.stringify(lost));
  }
  const malformed = await new FakeSocket({ done: true, malformed: 1 }).source().dump(() => {});
  t.true(malformed.complete, 'an entry that cannot be read does not keep others from ending');
});

test('a dump during which the hash table was resized is not complete, the next one is', async t => {
  const socket = new FakeSocket({ rows: 2 }, { rows: 1, done: true }, { rows: 2, done: true });
  socket.buckets = ['1024', '2048'];
  const source = socket.source();
  const summary = await source.dump(() => {});
  t.is(summary.skipped['resized'], 1);
  t.false(summary.complete);
  t.true((await source.dump(() => {})).complete);
});

test('a raw dump during which the hash table was resized is not complete', async t => {
  const socket = new FakeSocket({ rows: 2, done: true }, { rows: 2, done: true });
  socket.buckets = ['1024', '2048'];
  const source = socket.source();
  t.false((await source.recordDump(() => {})).complete);
  t.true((await source.recordDump(() => {})).complete);
});

test('an error from the kernel is in the summary, with the rows before it', async t => {
  const summary = await new FakeSocket({ rows: 1 }, { rows: 1, error: 105, done: true }).source().dump(() => {});
  t.is(summary.rows, 2);
  t.false(summary.complete);
  t.true(summary.error instanceof CtflowError && summary.error.code === 'CTFLOW_NETLINK');
  t.regex(summary.error!.message, /ENOBUFS/);
});

test('a read that fails is in the summary', async t => {
  const failure = nativeFailure(
    'CTFLOW_NETLINK',
    "Cannot read the kernel's connection table: no answer for 10 seconds",
  );
  const summary = await new FakeSocket({ rows: 1 }, failure).source().dump(() => {});
  t.is(summary.rows, 1);
  t.false(summary.complete);
  t.true(summary.error instanceof CtflowError && summary.error.code === 'CTFLOW_NETLINK');
  t.regex(summary.error!.message, /^Cannot read .* 10 seconds$/);
});

test('missing permission is thrown', async t => {
  const refused = new FakeSocket({ error: 1, done: true });
  const error = await t.throwsAsync(
    refused.source().dump(() => {}),
    { instanceOf: CtflowError },
  );
  t.is(error.code, 'CTFLOW_PERMISSION');
  t.regex(error.hint, /CAP_NET_ADMIN/);
});

test('an error of the receiver is thrown after the last read has ended', async t => {
  const socket = new FakeSocket({ rows: 1 }, { rows: 1 }, { rows: 1, done: true });
  const source = socket.source();
  await t.throwsAsync(
    source.dump(() => {
      throw new Error('full');
    }),
    { message: 'full' },
  );
  t.is(socket.events.at(-1), 'end 2');
  t.is((await source.dump(() => {})).rows, 1, 'the next dump runs');
});

test('one dump at a time', async t => {
  const source = new FakeSocket({ rows: 1 }, { done: true }).source();
  const first = source.dump(() => {});
  const error = await t.throwsAsync(
    source.dump(() => {}),
    { instanceOf: CtflowError },
  );
  t.is(error.code, 'CTFLOW_USAGE');
  t.is((await first).rows, 1);
});

test('a raw dump is handed over chunk by chunk', async t => {
  const reads: Partial<BytesRead>[] = [{ bytes: 3 }, { bytes: 2, done: true, interrupted: true }];
  const socket = {
    startDump: () => {},
    readRaw: async (out: Uint8Array) => {
      out.fill(reads.length);
      return { ...NOTHING, ...reads.shift() };
    },
  };
  const chunks: number[][] = [];
  const summary = await readRawDump(socket as unknown as ConntrackSocket, filterWords({}), async chunk => {
    await sleep(1);
    chunks.push([...chunk]);
  });
  t.deepEqual(chunks, [
    [2, 2, 2],
    [1, 1],
  ]);
  t.is(summary.bytes, 5);
  t.false(summary.complete, 'it was interrupted');
});

const live = needs(test, ['native', 'namespace', 'conntrack', 'ping']);
const PEER = fileURLToPath(new URL('./netlink-peer.js', import.meta.url));

async function ask(namespace: PrivateNamespace, request: PeerRequest): Promise<unknown> {
  return JSON.parse(await namespace.run(process.execPath, [PEER, JSON.stringify(request)]));
}

function dumps(answer: unknown): PeerDump[] {
  if (!Array.isArray(answer)) throw new Error(JSON.stringify(answer));
  return answer as PeerDump[];
}

/** IPv6 addresses have one form in a URL. */
function plain(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname : address;
}

function comparable(row: PeerRow): object {
  const direction = (side: ListedDirection) => ({ ...side, src: plain(side.src), dst: plain(side.dst) });
  const { family, protocol, id, mark, start, state } = row;
  return {
    family,
    protocol,
    id,
    mark,
    start,
    ...(state && { state }),
    original: direction(row.original),
    reply: direction(row.reply),
  };
}

/** What conntrack prints, in the terms of a row: its `zone=` stands for both directions. */
function listed(connection: ListedConnection): object {
  const direction = (side: ListedDirection) => ({
    ...side,
    src: plain(side.src),
    dst: plain(side.dst),
    ...(connection.zone !== undefined && { zone: connection.zone }),
  });
  const { protocol, id, start, state } = connection;
  return {
    family: connection.family === 'ipv4' ? 2 : 10,
    protocol,
    id,
    mark: Number(connection.mark),
    start,
    ...(state && { state }),
    original: direction(connection.original),
    reply: direction(connection.reply),
  };
}

const byId = (a: object, b: object) => ('id' in a && 'id' in b ? Number(a.id) - Number(b.id) : 0);

live('rows have what conntrack -L shows', async t => {
  const namespace = await PrivateNamespace.create(t);
  await furnish(namespace);
  await perform(namespace);
  const expected = (await settledConnections(namespace)).map(listed).toSorted(byId);
  const [dump] = dumps(await ask(namespace, { filters: [{}] }));
  t.true(dump.complete);
  t.deepEqual(dump.rows.map(comparable).toSorted(byId), expected);
  t.true(expected.length > 12, 'TCP, UDP, ICMP, IPv6, NAT, zones and marks');
});

live('a filter in the kernel gives the same rows as filtering the whole table', async t => {
  const namespace = await PrivateNamespace.create(t);
  await furnish(namespace);
  await perform(namespace);
  await settledConnections(namespace);
  const zone = (side: ListedDirection) => Number(side.zone ?? 0);
  const inZone = (number: number) => (row: PeerRow) => zone(row.original) === number || zone(row.reply) === number;
  const [SEEN_REPLY, ASSURED] = [2, 4];
  const cases: [ConnectionFilter, (row: PeerRow) => boolean][] = [
    [{ family: 2 }, row => row.family === 2],
    [{ family: 10 }, row => row.family === 10],
    [{ zone: 7 }, inZone(7)],
    [{ zone: 8 }, inZone(8)],
    [{ zone: 9 }, inZone(9)],
    [{ zone: 0 }, inZone(0)],
    [{ mark: { value: 0x80000001, mask: 0xffffffff } }, row => row.mark === 0x80000001],
    [{ mark: { value: 0, mask: 1 } }, row => (row.mark & 1) === 0],
    [{ status: { value: ASSURED, mask: ASSURED } }, row => (row.status & ASSURED) !== 0],
    [{ status: { value: 0, mask: ASSURED } }, row => (row.status & ASSURED) === 0],
    [{ status: { value: 0, mask: 0 } }, () => true],
    [{ protocols: [17] }, row => row.protocol === 17],
    [{ protocols: [1] }, row => row.protocol === 1],
    [{ protocols: [6, 58] }, row => row.protocol === 6 || row.protocol === 58],
    [{ protocols: [200] }, () => false],
    [
      { family: 2, protocols: [17], zone: 0, status: { value: SEEN_REPLY, mask: SEEN_REPLY } },
      row => row.family === 2 && row.protocol === 17 && inZone(0)(row) && (row.status & SEEN_REPLY) !== 0,
    ],
  ];
  const filters = [{}, ...cases.map(([filter]) => filter)];
  const [whole, ...filtered] = dumps(await ask(namespace, { filters }));
  const ids = (rows: readonly PeerRow[]) => rows.map(row => row.id).toSorted();
  for (const [number, [filter, wanted]] of cases.entries()) {
    t.true(filtered[number].complete, JSON.stringify([filter, filtered[number].error]));
    t.deepEqual(ids(filtered[number].rows), ids(whole.rows.filter(wanted)), JSON.stringify(filter));
    t.is(filtered[number].recorded, filtered[number].rows.length, `${JSON.stringify(filter)} recorded`);
  }
  const empty = cases.filter((_, number) => filtered[number].rows.length === 0);
  t.deepEqual(
    empty.map(([filter]) => filter),
    [{ protocols: [200] }],
    'every other one finds something',
  );
});

/** 3,000 entries. */
async function fill(t: ExecutionContext, namespace: PrivateNamespace): Promise<void> {
  const entries = Array.from(
    { length: 3000 },
    (_, n) => `-I -s 10.0.${n >> 8}.${n & 255} -d 10.1.0.1 -p udp --sport 1000 --dport 53 -t 600\n`,
  );
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-netlink-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'entries'), entries.join(''));
  await namespace.run('conntrack', ['-R', join(folder, 'entries')]);
}

live('the batches of one dump have every connection once', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  await fill(t, namespace);
  for (const abandon of [false, true]) {
    const [dump, none] = dumps(await ask(namespace, { filters: [{}, { protocols: [6] }], abandon }));
    t.true(dump.complete);
    t.is(dump.rows.length, 3000, abandon ? 'after a dump that was given up' : 'at once');
    t.is(new Set(dump.rows.map(row => row.original.src)).size, 3000);
    t.is(dump.recorded, 3000);
    t.is(none.rows.length, 0);
  }
});

live('without CAP_NET_ADMIN the kernel refuses', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  const peer = [process.execPath, PEER, JSON.stringify({ filters: [{}] })];
  const said = await namespace.run('setpriv', ['--bounding-set=-net_admin', '--', ...peer]);
  t.deepEqual(JSON.parse(said), {
    code: 'CTFLOW_PERMISSION',
    message: "Cannot read the kernel's connection table: Operation not permitted (os error 1)",
    hint: 'Run as root, or give the process CAP_NET_ADMIN in the network namespace',
  });
});

live('wrong uses of the socket are errors, and break nothing', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.track();
  t.deepEqual(await ask(namespace, { filters: [] }), [
    'CTFLOW_NETLINK|No dump of the connection table is under way',
    'CTFLOW_USAGE|A read into 32767 bytes; it needs 32768',
    'CTFLOW_NETLINK|A read of the conntrack socket is under way',
    'CTFLOW_NETLINK|A read of the conntrack socket is under way',
    'CTFLOW_NETLINK|The conntrack socket is closed',
    'CTFLOW_NETLINK|The conntrack socket is closed',
  ]);
});

if (process.getuid?.() === 0) {
  live('another network namespace is entered', async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    await namespace.run('ping', ['-c', '1', '-q', '127.0.0.1']);
    const backend = await loadBackend('native');
    const source = backend.openKernel({ filter: {}, netns: `/proc/${namespace.pid}/ns/net` });
    t.teardown(() => source.close());
    const rows: string[] = [];
    await source.dump((batch: Batch) => {
      for (let at = 0; at < batch.count * ROW_SIZE; at += ROW_SIZE)
        rows.push(batch.bytes.subarray(at, at + 4).join('.'));
    });
    t.deepEqual(rows, ['127.0.0.1']);
    await namespace.sysctl('nf_conntrack_udp_timeout', 77);
    t.is(source.sysctl('nf_conntrack_udp_timeout'), '77', 'its settings, not those of this process');
    t.is(source.sysctl('nf_conntrack_nothing'), undefined);
    await namespace.close();
    t.is(source.sysctl('nf_conntrack_udp_timeout'), '77', 'it is held open');
  });
}
