import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { CtflowError } from '../../src/common/errors.js';
import { DONE, ENTRY_WORDS, PENDING, EXPORTED } from '../../src/state/entry-block.js';
import { encodeFileHeader, FILE_HEADER_SIZE, readBlocks, refuseFileHeader } from '../../src/state/journal-file.js';
import { block, entry, HOST, resealHeader } from '../helpers/builders/journals.js';
import { seeded } from '../helpers/seed.js';
import { temporaryPath } from '../helpers/temporary.js';

interface Read {
  /** One text a block. */
  blocks: string[];
  end: number;
}

async function readBack(path: string, bytes: Uint8Array): Promise<Read> {
  writeFileSync(path, bytes);
  const fd = openSync(path, 'r');
  const blocks: string[] = [];
  try {
    const end = await readBlocks(fd, 0, bytes.length, ({ kind, destination, batch, count, words, at }) =>
      blocks.push(`${kind} ${destination} ${batch} ${words.slice(at, at + count * ENTRY_WORDS).join(' ')}`),
    );
    return { blocks, end };
  } finally {
    closeSync(fd);
  }
}

const entries = fc.array(
  fc
    .tuple(fc.nat(), fc.nat(), fc.array(fc.nat(), { minLength: 4, maxLength: 4 }))
    .map(([id, start, counters]) => entry(id, start, counters)),
  { maxLength: 6 },
);
const someBlocks = fc.array(
  fc.oneof(
    fc
      .tuple(fc.constantFrom(EXPORTED, PENDING), entries, fc.nat())
      .map(([kind, some, batch]) => block(kind, some, batch)),
    fc.nat().map(batch => block(DONE, [], batch)),
  ),
  { minLength: 1, maxLength: 5 },
);

test('blocks are read as they were written', async t => {
  const path = temporaryPath(t, 'state');
  const blocks = [block(PENDING, [entry(1, 2, [3, 4, 5, 6])], 9, 7), block(DONE, [], 9, 7)];
  const words = entry(1, 2, [3, 4, 5, 6]).join(' ');
  t.deepEqual((await readBack(path, Buffer.concat(blocks))).blocks, [`${PENDING} 7 9 ${words}`, `${DONE} 7 9 `]);
});

test('blocks longer than one read are whole', async t => {
  const path = temporaryPath(t, 'state');
  const full = Array.from({ length: 1024 }, (_, i) => entry(i, i, [i, i, i, i]));
  const blocks = Array.from({ length: 60 }, (_, i) => block(EXPORTED, full, i));
  const { blocks: read, end } = await readBack(path, Buffer.concat(blocks));
  t.is(end, blocks[0].length * 60);
  t.deepEqual(
    read.map(text => text.split(' ')[2]),
    Array.from({ length: 60 }, (_, i) => String(i)),
  );
  t.is(new Set(read.map(text => text.split(' ').slice(3).join(' '))).size, 1);
});

test('property: a file truncated anywhere is read up to its last whole block', async t => {
  const path = temporaryPath(t, 'state');
  await fc.assert(
    fc.asyncProperty(someBlocks, fc.double({ min: 0, max: 1, noNaN: true }), async (blocks, part) => {
      const whole = Buffer.concat(blocks);
      const cut = Math.floor(whole.length * part);
      const all = (await readBack(path, whole)).blocks;
      const { blocks: read, end } = await readBack(path, whole.subarray(0, cut));
      let fit = 0;
      let length = 0;
      while (fit < blocks.length && length + blocks[fit].length <= cut) length += blocks[fit++].length;
      t.is(end, length);
      t.deepEqual(read, all.slice(0, fit));
    }),
    seeded(t),
  );
});

test('property: bytes that changed are found out, and what is read before them is what was written', async t => {
  const path = temporaryPath(t, 'state');
  await fc.assert(
    fc.asyncProperty(
      someBlocks,
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      async (blocks, part, noise) => {
        const whole = Buffer.concat(blocks);
        const at = Math.floor(whole.length * part);
        const changed = Buffer.from(whole);
        for (let i = 0; i < noise.length && at + i < whole.length; i++) changed[at + i] ^= noise[i];
        if (changed.equals(whole)) return;
        const error = await t.throwsAsync(readBack(path, changed), { instanceOf: CtflowError });
        t.is(error.code, 'CTFLOW_STATE');
      },
    ),
    { ...seeded(t), numRuns: 500 },
  );
});

test('random bytes are not a journal', async t => {
  const path = temporaryPath(t, 'state');
  await t.throwsAsync(readBack(path, Buffer.alloc(4096)), { instanceOf: CtflowError }, 'zeros');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 300 }), async noise => {
      await t.throwsAsync(readBack(path, noise), { instanceOf: CtflowError });
    }),
    seeded(t),
  );
});

const refused = (t: ExecutionContext, change: (header: Buffer) => void, why: RegExp, reseal = true): void => {
  const header = Buffer.from(encodeFileHeader(HOST));
  change(header);
  if (reseal) resealHeader(header);
  t.regex(refuseFileHeader(header, HOST) ?? '', why);
};

test('a header is refused with the reason', t => {
  t.is(refuseFileHeader(encodeFileHeader(HOST), HOST), undefined);
  refused(t, header => header.write('Z'), /not a state file/);
  refused(t, header => header.writeUInt8(header[8] + 1, 8), /version 2, this is version 1/);
  refused(t, header => header.subarray(12, 16).set(header.subarray(12, 16).toReversed()), /byte order/);
  refused(t, header => header.write('f', 30), /another boot/);
  refused(t, header => header.writeUInt8(header[16] + 1, 16), /another network namespace/);
  refused(t, header => header.write('f', 30), /header is damaged/, false);
  t.regex(refuseFileHeader(new Uint8Array(0), HOST) ?? '', /not a state file/);
  t.regex(refuseFileHeader(encodeFileHeader(HOST).subarray(0, FILE_HEADER_SIZE - 1), HOST) ?? '', /not a state file/);
});

test('property: a header with any other byte is refused', t => {
  fc.assert(
    fc.property(fc.nat(FILE_HEADER_SIZE - 1), fc.integer({ min: 1, max: 255 }), (at, noise) => {
      const header = Buffer.from(encodeFileHeader(HOST));
      header[at] ^= noise;
      t.not(refuseFileHeader(header, HOST), undefined);
    }),
    seeded(t),
  );
});
