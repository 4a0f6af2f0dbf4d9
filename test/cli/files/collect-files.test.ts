import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import test from 'ava';
import { message, set, templateSet, u32 } from '../../helpers/builders/ipfix-builder.js';
import { ctflow, CTFLOW, spawnCtflow } from '../../helpers/kernel/cli.js';
import { collect } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

const linux = needs(test, ['linux', 'mkfifo']);

const TEMPLATE = message({}, templateSet(256, [1, 4]));
const data = (sequence: number, ...values: number[]): Buffer => message({ sequence }, set(256, ...values.map(u32)));

test('collect FILE prints the records of each file and ends', async t => {
  const [first, second] = ['a.ipfix', 'b.ipfix'].map(name => temporaryPath(t, name));
  writeFileSync(first, Buffer.concat([TEMPLATE, data(0, 1, 2)]));
  writeFileSync(second, Buffer.concat([TEMPLATE, data(0, 3)]));
  const { code, stdout, stderr } = await ctflow(['collect', '--format', 'json', first, second]);
  t.is(code, 0);
  const lines = stdout.trim().split('\n');
  t.deepEqual(
    lines.map(line => (JSON.parse(line) as Record<string, unknown>)['octetDeltaCount']),
    [1, 2, 3],
  );
  t.is(stderr, 'ctflow: 4 messages, 3 records, 0 lost, 0 undecodable sets, 0 malformed messages\n');
});

test('collect FILE names a damaged tail with its offset, reads the other files, and ends with exit code 1', async t => {
  const [first, second, absent] = ['a.ipfix', 'b.ipfix', 'c.ipfix'].map(name => temporaryPath(t, name));
  const whole = Buffer.concat([TEMPLATE, data(0, 1)]);
  writeFileSync(first, Buffer.concat([whole, data(1, 2).subarray(0, 20)]));
  writeFileSync(second, Buffer.concat([TEMPLATE, data(0, 3)]));
  const { code, stdout, stderr } = await ctflow(['collect', '--format', 'json', first, absent, second]);
  t.is(code, 1);
  t.is(stdout.trim().split('\n').length, 2);
  t.true(
    stderr.includes(`${first}: the last message, at octet ${whole.length}, is cut off; it is discarded\n`),
    stderr,
  );
  t.true(stderr.includes(`CTFLOW_IPFIX: ${absent} cannot be read (ENOENT).`), stderr);
  t.regex(stderr, /CTFLOW_IPFIX: 2 of 3 files could not be read to their end\. /);
});

test('collect FILE in every format, --count, and a reader that goes away', async t => {
  const path = temporaryPath(t, 'a.ipfix');
  writeFileSync(
    path,
    Buffer.concat([TEMPLATE, ...Array.from({ length: 200 }, (_, i) => data(i * 100, ...Array(100).fill(i)))]),
  );
  const table = await ctflow(['collect', path, '--count', '3']);
  t.is(table.code, 0);
  t.is(table.stdout.trim().split('\n').length, 4); // a header
  t.regex(table.stderr, /stopped after 3 flow records/);
  const child = spawn('sh', ['-c', `"${process.execPath}" "${CTFLOW}" collect --format json "${path}" | head -n 1`]);
  const { code, stdout } = await collect(child);
  t.is(code, 0);
  t.is(stdout.trim().split('\n').length, 1);
});

for (const [command, flags] of [
  ['collect', ['--format', 'json']],
  ['send', ['--collector', 'udp://127.0.0.1:9']],
] as const) {
  linux(`${command} ends at a signal while a pipe has no more for it`, async t => {
    const path = temporaryPath(t, 'pipe');
    execFileSync('mkfifo', [path]);
    const child = spawnCtflow([command, path, ...flags]);
    const ended = collect(child);
    // waits until it is read
    const writer = await open(path, 'w');
    t.teardown(() => writer.close());
    await writer.write(Buffer.concat([TEMPLATE, data(0, 1, 2), data(2, 3).subarray(0, 5)]));
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    t.is(code, command === 'send' ? 1 : 0, stderr);
    t.false(stderr.includes('cut off'), stderr);
    if (command === 'send') t.regex(stderr, /Stopped before everything was sent/);
  });
}

test('records come through a pipe from one command to another', async t => {
  const path = temporaryPath(t, 'a.ipfix');
  writeFileSync(path, Buffer.concat([TEMPLATE, data(0, 1, 2)]));
  const ctflowCommand = `"${process.execPath}" "${CTFLOW}" collect --format`;
  const line = `${ctflowCommand} ipfix "${path}" | ${ctflowCommand} json /dev/stdin`;
  const { code, stdout, stderr } = await collect(spawn('sh', ['-c', line]));
  t.is(code, 0, stderr);
  t.is(stdout.trim().split('\n').length, 2);
});

test('collect FILE with --listen is a usage error', async t => {
  const { code, stderr } = await ctflow(['collect', 'a.ipfix', '--listen', 'udp://127.0.0.1:0']);
  t.is(code, 2);
  t.is(stderr, 'ctflow: CTFLOW_USAGE: --listen does not go with files. Give files, or --listen\n');
});
