import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { collectFile } from '../../../src/collector/file/collect-file.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { newStats } from '../../../src/collector/stats.js';
import { hex, message, set, templateSet, u32 } from '../../helpers/builders/ipfix-builder.js';
import { eventually } from '../../helpers/eventually.js';
import { temporaryPath } from '../../helpers/temporary.js';

const TEMPLATE = message({}, templateSet(256, [1, 4]));
const data = (sequence: number, ...values: number[]): Buffer => message({ sequence }, set(256, ...values.map(u32)));
const octets = (records: readonly CollectedRecord[]) => records.map(record => record.get('octetDeltaCount'));

async function read(path: string) {
  const records: CollectedRecord[] = [];
  const stats = newStats();
  const damage = await collectFile(path, { onRecord: record => records.push(record), stats });
  return { records, stats, damage };
}

test('a file gives its records in order, each with the file as its exporter', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  writeFileSync(path, Buffer.concat([TEMPLATE, data(0, 1, 2), data(2, 3)]));
  const { records, stats, damage } = await read(path);
  t.is(damage, undefined);
  t.deepEqual(octets(records), [1, 2, 3]);
  t.is(records[0].exporter, pathToFileURL(path).href);
  t.like(stats, { messages: 3, records: 3, sequenceLost: 0, malformedMessages: 0 });
});

test('messages of all lengths come out whole, wherever the file is cut into pieces for reading', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const values = Array.from({ length: 40_000 }, (_, i) => i);
  const parts: Buffer[] = [TEMPLATE];
  for (let at = 0, size = 1; at < values.length; at += size, size = (size * 7 + 3) % 16_000 || 1) {
    parts.push(data(at, ...values.slice(at, at + size)));
  }
  writeFileSync(path, Buffer.concat(parts));
  const { records, damage, stats } = await read(path);
  t.is(damage, undefined);
  t.deepEqual(octets(records), values);
  t.is(stats.sequenceLost, 0);
});

test('of a file that ends within a message everything before it is read, and the damage has its offset', async t => {
  const whole = Buffer.concat([TEMPLATE, data(0, 1), data(1, 2)]);
  for (const cut of [1, 3, 17]) {
    const path = temporaryPath(t, 'flows.ipfix');
    writeFileSync(path, Buffer.concat([whole, data(2, 3).subarray(0, cut)]));
    const { records, damage, stats } = await read(path);
    t.deepEqual(octets(records), [1, 2]);
    t.deepEqual(damage, { offset: whole.length, reason: 'truncated', version: undefined });
    t.is(stats.malformed.truncated, 1);
  }
});

test('where octets are no message, the file is read up to there', async t => {
  const whole = Buffer.concat([TEMPLATE, data(0, 1)]);
  for (const [octetsThere, reason, version] of [
    [Buffer.from('no message at all'), 'version', undefined],
    [hex('000a 000f 00000000'), 'length', undefined],
    [hex('0009 0001 00000000 00000000'), 'version', 'NetFlow 9'],
  ] as const) {
    const path = temporaryPath(t, 'flows.ipfix');
    writeFileSync(path, Buffer.concat([whole, octetsThere, data(1, 2)]));
    const { records, damage } = await read(path);
    t.deepEqual(octets(records), [1]);
    t.deepEqual(damage, { offset: whole.length, reason, version });
  }
});

test('a malformed message within the file is discarded, and the next is read', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  writeFileSync(path, Buffer.concat([TEMPLATE, message({}, hex('0100 ffff')), data(0, 1)]));
  const { records, damage, stats } = await read(path);
  t.is(damage, undefined);
  t.deepEqual(octets(records), [1]);
  t.is(stats.malformed.set, 1);
});

test('each file has templates of its own; a withdrawal holds within it', async t => {
  const first = temporaryPath(t, 'a.ipfix');
  const second = temporaryPath(t, 'b.ipfix');
  const withdrawal = message({}, set(2, hex('0100 0000')));
  const other = message({}, templateSet(256, [2, 4]));
  writeFileSync(first, Buffer.concat([TEMPLATE, data(0, 1), withdrawal, other, data(1, 9)]));
  writeFileSync(second, data(0, 1));
  const { records, stats } = await read(first);
  t.is(records[1].get('packetDeltaCount'), 9);
  t.like(stats, { withdrawnTemplates: 1, conflictingTemplates: 0 });
  t.like((await read(second)).stats, { undecodableSets: 1, records: 0 });
});

test('a file that cannot be read is an error with its name', async t => {
  const path = temporaryPath(t, 'absent.ipfix');
  await t.throwsAsync(read(path), { code: 'CTFLOW_IPFIX', message: `${path} cannot be read (ENOENT)` });
});

const linux = process.platform === 'linux' ? test : test.skip;

linux('while a record waits, no more of the file is read', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  writeFileSync(
    path,
    Buffer.concat([TEMPLATE, ...Array.from({ length: 500 }, (_, i) => data(i * 250, ...Array(250).fill(1)))]),
  );
  let release = (): void => {};
  let count = 0;
  const stats = newStats();
  const reading = collectFile(path, {
    onRecord: () => count++,
    ready: () => (count === 1 ? new Promise<void>(resolve => (release = resolve)) : undefined),
    stats,
  });
  const position = await eventually('the first record', () => count === 1 && positionIn(path));
  t.true(position <= 65_536, `${position} octets of the file are read`);
  t.is(stats.messages, 2);
  release();
  await reading;
  t.is(count, 125_000);
});

/** Where this process reads a file. */
function positionIn(path: string): number {
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) continue;
    } catch {
      continue; // closed meanwhile
    }
    return Number(/pos:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1]);
  }
  throw new Error(`${path} is not open`);
}
