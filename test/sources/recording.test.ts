import { readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { CtflowError } from '../../src/common/errors.js';
import { RecordingReader, RecordingWriter } from '../../src/sources/recording.js';
import { seeded } from '../helpers/seed.js';
import { temporaryPath } from '../helpers/temporary.js';

interface Dump {
  at: bigint;
  netlink: Buffer;
}

async function record(path: string, dumps: readonly { at: bigint; pieces: readonly Uint8Array[] }[]): Promise<void> {
  const writer = await RecordingWriter.create(path, true);
  for (const { at, pieces } of dumps) {
    await writer.beginDump(at);
    for (const piece of pieces) await writer.write(piece);
    await writer.endDump();
  }
  await writer.close();
}

/** All dumps of the file; where it is damaged, those before, and the error. */
async function play(path: string): Promise<{ dumps: Dump[]; pieces: number[]; error?: unknown }> {
  const dumps: Dump[] = [];
  const pieces: number[] = [];
  let reader: RecordingReader;
  try {
    reader = await RecordingReader.open(path);
  } catch (error) {
    return { dumps, pieces, error };
  }
  try {
    for (;;) {
      const parts: Buffer[] = [];
      const at = await reader.nextDump(netlink => {
        pieces.push(netlink.length);
        parts.push(Buffer.from(netlink));
      });
      if (at === undefined) return { dumps, pieces };
      dumps.push({ at, netlink: Buffer.concat(parts) });
    }
  } catch (error) {
    return { dumps, pieces, error };
  } finally {
    await reader.close();
  }
}

function isDamaged(t: ExecutionContext, error: unknown, message: RegExp): void {
  t.true(error instanceof CtflowError);
  t.is((error as CtflowError).code, 'CTFLOW_RECORDING');
  t.regex((error as CtflowError).message, message);
}

const bytes = (length: number, start = 0) => Uint8Array.from({ length }, (_, i) => start + i);

test('a recording is read as it was written, dump by dump', async t => {
  const path = temporaryPath(t, 'two.ctflow');
  await record(path, [
    { at: 1_700_000_000_123_456_789n, pieces: [bytes(20), bytes(7, 100)] },
    { at: 2n ** 64n - 1n, pieces: [] },
    { at: 0n, pieces: [bytes(1)] },
  ]);
  t.deepEqual(await play(path), {
    dumps: [
      { at: 1_700_000_000_123_456_789n, netlink: Buffer.concat([bytes(20), bytes(7, 100)]) },
      { at: 2n ** 64n - 1n, netlink: Buffer.alloc(0) },
      { at: 0n, netlink: Buffer.from(bytes(1)) },
    ],
    pieces: [20, 7, 1],
  });
});

test('the format, byte by byte', async t => {
  const path = temporaryPath(t, 'format.ctflow');
  const writer = await RecordingWriter.create(path, false);
  await writer.beginDump(0x0102030405060708n);
  await writer.write(Uint8Array.of(0xaa, 0xbb));
  await writer.endDump();
  await writer.close();
  t.is(
    (await readFile(path)).toString('hex'),
    [
      '894354464c4f570a' + '0001' + '02' + '00',
      '44554d50' + '00000008' + '0102030405060708',
      '44415441' + '00000002' + 'aabb',
      '444f4e45' + '00000008' + '0000000000000002',
    ].join(''),
  );
});

test('the byte order of the recording host is kept', async t => {
  for (const littleEndian of [true, false]) {
    const path = temporaryPath(t, 'order.ctflow');
    const writer = await RecordingWriter.create(path, littleEndian);
    await writer.close();
    const reader = await RecordingReader.open(path);
    t.is(reader.littleEndian, littleEndian);
    t.is(await reader.nextDump(() => t.fail()), undefined);
    await reader.close();
  }
});

test('a dump of any size is written and read in pieces', async t => {
  const path = temporaryPath(t, 'large.ctflow');
  const large = bytes(3_000_000);
  await record(path, [{ at: 1n, pieces: [large] }]);
  const { dumps, pieces } = await play(path);
  t.true(dumps[0].netlink.equals(large));
  t.true(Math.max(...pieces) <= 1 << 16);
});

test('a file that is not a recording is an error', async t => {
  const path = temporaryPath(t, 'other.ctflow');
  for (const content of ['', 'src=192.0.2.1 dst=198.51.100.1\n', '\x89CTFLOV\n\0\x01\x01\0']) {
    await writeFile(path, content, 'latin1');
    isDamaged(t, (await play(path)).error, /is not a recording of ctflow/);
  }
});

test('another format version is an error that names it', async t => {
  const path = temporaryPath(t, 'version.ctflow');
  await writeFile(path, '\x89CTFLOW\n\0\x03\x01\0', 'latin1');
  isDamaged(t, (await play(path)).error, /format version 3, this ctflow reads versions 1 and 2/);
});

test('an unknown byte order is damage', async t => {
  const path = temporaryPath(t, 'order.ctflow');
  await writeFile(path, '\x89CTFLOW\n\0\x01\x03\0', 'latin1');
  isDamaged(t, (await play(path)).error, /damaged at byte 10: byte order 3/);
});

test('a file that is missing, a directory, or not writable is an error', async t => {
  const path = temporaryPath(t, 'none.ctflow');
  isDamaged(t, (await play(path)).error, /Cannot read .*none\.ctflow' \(ENOENT\)/);
  isDamaged(t, (await play('/')).error, /Cannot read '\/': it is a directory/);
  const error = await t.throwsAsync(() => RecordingWriter.create(`${path}/x`, true));
  isDamaged(t, error, /Cannot write .*\(ENOENT\)/);
});

test('a truncated file is an error, and the dumps before are read', async t => {
  const path = temporaryPath(t, 'cut.ctflow');
  const pieces = [bytes(5)];
  await record(path, [{ at: 1n, pieces }]);
  const one = (await readFile(path)).length;
  await record(path, [
    { at: 1n, pieces },
    { at: 2n, pieces },
  ]);
  const whole = await readFile(path);
  for (let length = 0; length < whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    const { dumps, error } = await play(path);
    t.is(dumps.length, length >= one ? 1 : 0, String(length));
    if (length === 12 || length === one) t.is(error, undefined, String(length));
    else isDamaged(t, error, /is damaged at byte|is not a recording/);
  }
});

test('a dump that was not ended is damage', async t => {
  const path = temporaryPath(t, 'open.ctflow');
  const writer = await RecordingWriter.create(path, true);
  await writer.beginDump(1n);
  await writer.write(bytes(3));
  await writer.close();
  isDamaged(t, (await play(path)).error, /damaged at byte 39: the dump has no DONE/);
});

test('frames out of order, of another kind or of a wrong length are damage', async t => {
  const path = temporaryPath(t, 'frames.ctflow');
  await record(path, [{ at: 1n, pieces: [bytes(3)] }]);
  const good = await readFile(path);
  const damage = async (at: number, byte: number): Promise<unknown> => {
    const bad = Buffer.from(good);
    bad[at] = byte;
    await writeFile(path, bad);
    return (await play(path)).error;
  };
  isDamaged(t, await damage(12, 0x45), /byte 12: DUMP expected/);
  isDamaged(t, await damage(19, 9), /byte 16: a wrong length/);
  isDamaged(t, await damage(28, 0x45), /byte 28: DATA or DONE expected/);
  isDamaged(t, await damage(35, 0), /byte 28: DATA or DONE expected/);
  isDamaged(t, await damage(32, 0xff), /byte 28: DATA or DONE expected/);
  isDamaged(t, await damage(54, 4), /byte 39: 3 bytes of netlink where 4 were written/);
});

test('after damage the reader keeps its error', async t => {
  const path = temporaryPath(t, 'sticky.ctflow');
  await record(path, [{ at: 1n, pieces: [bytes(3)] }]);
  await writeFile(path, (await readFile(path)).subarray(0, -1));
  const reader = await RecordingReader.open(path);
  const first = await t.throwsAsync(() => reader.nextDump(() => {}));
  const second = await t.throwsAsync(() => reader.nextDump(() => {}));
  t.is(second, first);
  await reader.close();
});

test('any damage is a typed error, except within the netlink bytes, and reading ends', async t => {
  const path = temporaryPath(t, 'fuzz.ctflow');
  await record(path, [
    { at: 1n, pieces: [bytes(40), bytes(9)] },
    { at: 2n, pieces: [bytes(30)] },
  ]);
  const good = await readFile(path);
  let damaged = 0;
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
    fc.uint8Array({ maxLength: 30 }),
    fc.nat(good.length),
    async (changes, inserted, where) => {
      const bad = Buffer.concat([good.subarray(0, where), inserted, good.subarray(where)]);
      for (const [at, byte] of changes) bad[at] = byte;
      await writeFile(path, bad);
      const { dumps, error } = await play(path);
      if (error === undefined) return dumps.length <= 4;
      damaged++;
      return error instanceof CtflowError && error.code === 'CTFLOW_RECORDING' && error.hint !== '';
    },
  );
  await t.notThrowsAsync(() => fc.assert(property, { ...seeded(t), numRuns: 500 }) as Promise<void>);
  t.true(damaged > 200, `${damaged} damaged`);
});
