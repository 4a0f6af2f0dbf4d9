import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import type { ConnectionFilter } from '../../src/row/filter.js';
import { ORIG_SPORT, ROW_SIZE, START_NS } from '../../src/row/layout.generated.js';
import { ProcfsSource } from '../../src/sources/procfs.js';
import type { DumpSummary } from '../../src/sources/source.js';
import { RowView } from '../helpers/builders/row-view.js';
import { temporaryPath } from '../helpers/temporary.js';

const RICH = fileURLToPath(new URL('../../../test/fixtures/rich.procfs', import.meta.url));

/** A line that its source port names. */
function line(port: number): string {
  return (
    `ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.2 dst=198.51.100.2 sport=${port} dport=443 packets=1 bytes=60 ` +
    `src=198.51.100.2 dst=192.0.2.2 sport=443 dport=${port} packets=1 bytes=60 [ASSURED] mark=0 delta-time=2 use=1\n`
  );
}

interface Read {
  summary: DumpSummary;
  ports: number[];
  batches: number[];
}

async function read(path: string, filter: ConnectionFilter = {}): Promise<Read> {
  const ports: number[] = [];
  const batches: number[] = [];
  const summary = await new ProcfsSource(filter, path).dump(async batch => {
    batches.push(batch.count);
    // The source reads on meanwhile and must leave the batch alone.
    await new Promise(resolve => setImmediate(resolve));
    for (let i = 0; i < batch.count; i++) ports.push(new RowView(batch.bytes.subarray(i * ROW_SIZE)).u16(ORIG_SPORT));
  });
  return { summary, ports, batches };
}

test('every line is a row', async t => {
  const { summary } = await read(RICH);
  t.is(summary.rows, 30);
  t.true(summary.complete);
  t.deepEqual(summary.skipped, { filtered: 0, malformed: 0, truncated: 0, resized: 0 });
  t.is(summary.error, undefined);
});

test('an empty table is a complete dump', async t => {
  const path = temporaryPath(t, 'empty');
  await writeFile(path, '');
  const { summary, batches } = await read(path);
  t.deepEqual([summary.rows, summary.complete, batches], [0, true, []]);
});

test('a large table is delivered in batches, and lines across chunks are whole', async t => {
  const path = temporaryPath(t, 'large');
  const ports = Array.from({ length: 5000 }, (_, i) => i + 1);
  await writeFile(path, ports.map(line).join(''));
  const got = await read(path);
  t.deepEqual(got.ports, ports);
  t.deepEqual(got.batches, [1024, 1024, 1024, 1024, 904]);
  t.true(got.summary.complete);
});

test('the start is estimated from the time of reading', async t => {
  const path = temporaryPath(t, 'one');
  await writeFile(path, line(1));
  const before = BigInt(Date.now() - 2000) * 1_000_000n;
  let start = 0n;
  let at = 0;
  await new ProcfsSource({}, path).dump((batch, when) => {
    start = new RowView(batch.bytes.subarray(0, ROW_SIZE)).u64(START_NS);
    at = when;
  });
  t.true(start >= before);
  t.is(start, BigInt(at - 2000) * 1_000_000n);
});

test('the start does not move where the event loop is held up', async t => {
  const path = temporaryPath(t, 'held');
  await writeFile(path, line(1));
  let start = 0n;
  const dumping = new ProcfsSource({}, path).dump(batch => {
    start = new RowView(batch.bytes.subarray(0, ROW_SIZE)).u64(START_NS);
  });
  const after = Date.now();
  while (Date.now() < after + 100);
  await dumping;
  t.true(start <= BigInt(after - 2000) * 1_000_000n);
});

test('a dump leaves turns of the event loop to others', async t => {
  const path = temporaryPath(t, 'turns');
  await writeFile(path, Array.from({ length: 200_000 }, (_, i) => line(i % 65536)).join(''));
  let turns = 0;
  let over = false;
  const turn = (): void => {
    turns++;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await new ProcfsSource({}, path).dump(() => {});
  over = true;
  t.true(turns >= 3);
});

test('the filter is applied', async t => {
  const udp = await read(RICH, { protocols: [17] });
  t.true(udp.summary.rows > 3);
  t.is(udp.summary.rows + udp.summary.skipped['filtered'], 30);
  t.is((await read(RICH, { zone: 5 })).summary.rows, 1);
  t.is((await read(RICH, { mark: { value: 42, mask: 0xff } })).summary.rows, 1);
  t.true((await read(RICH, { status: { value: 4, mask: 4 } })).summary.rows >= 10);
});

test('a line that cannot be read is counted, the others are rows', async t => {
  const path = temporaryPath(t, 'bad');
  await writeFile(path, `${line(1)}rubbish\n\n${line(2)}`);
  const { ports, summary } = await read(path);
  t.deepEqual(ports, [1, 2]);
  t.is(summary.skipped['malformed'], 2);
  t.true(summary.complete, 'it does not keep others from ending');
});

test('a last line without a newline is truncated: no row', async t => {
  const path = temporaryPath(t, 'cut');
  await writeFile(path, line(1) + line(2).slice(0, -1));
  const { ports, summary } = await read(path);
  t.deepEqual(ports, [1]);
  t.is(summary.skipped['truncated'], 1);
  t.false(summary.complete);
});

test('a line of any length takes no more memory than another', async t => {
  const path = temporaryPath(t, 'long');
  await writeFile(path, `${line(1)}${'x'.repeat(300_000)}\n${line(2)}${'y'.repeat(65_536)}\n${line(3)}`);
  const { ports, summary } = await read(path);
  t.deepEqual(ports, [1, 2, 3]);
  t.is(summary.skipped['malformed'], 2);
});

test('the error for a missing file names the kernel module', async t => {
  const error = await t.throwsAsync(() => read('/nowhere/nf_conntrack'), { instanceOf: CtflowError });
  t.is(error?.code, 'CTFLOW_KERNEL_SETTING');
  t.regex(error?.hint ?? '', process.platform === 'linux' ? /modprobe nf_conntrack/ : /Linux/);
});

test('a path that cannot be read as a file is an error of the dump', async t => {
  const { summary } = await read('/');
  t.false(summary.complete);
  t.is((summary.error as CtflowError).code, 'CTFLOW_PROCFS');
});

test('an error of the receiver ends the dump, and the next one is complete', async t => {
  const source = new ProcfsSource({}, RICH);
  await t.throwsAsync(() => source.dump(() => Promise.reject(new Error('full'))), { message: 'full' });
  t.is((await source.dump(() => {})).rows, 30);
});

test('a dump during which the hash table was resized is not complete', async t => {
  const buckets = ['1024', '2048', '2048', '2048'];
  class Resized extends ProcfsSource {
    override sysctl(): string | undefined {
      return buckets.shift();
    }
  }
  const source = new Resized({}, RICH);
  const first = await source.dump(() => {});
  t.is(first.skipped['resized'], 1);
  t.false(first.complete);
  t.true((await source.dump(() => {})).complete);
});

test('two dumps at the same time are refused', async t => {
  const source = new ProcfsSource({}, RICH);
  const first = source.dump(() => {});
  await t.throwsAsync(() => source.dump(() => {}), { instanceOf: CtflowError, message: /still running/ });
  t.is((await first).rows, 30);
});

test('a closed source reads no more', async t => {
  const source = new ProcfsSource({}, RICH);
  source.close();
  await t.throwsAsync(() => source.dump(() => {}), { instanceOf: CtflowError, message: /closed/ });
});

test('settings: only file names are read, undefined where there is none', t => {
  const source = new ProcfsSource({}, RICH);
  t.is(source.sysctl('no_such_setting'), undefined);
  t.is(source.sysctl('../../kernel/hostname'), undefined);
  t.throws(() => source.setSysctl('../../kernel/hostname', 'x'), { instanceOf: CtflowError, message: /not a setting/ });
  t.throws(() => source.setSysctl('no_such_setting', '1'));
});
