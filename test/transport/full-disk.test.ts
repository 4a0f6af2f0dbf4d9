import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { eventually } from '../helpers/eventually.js';
import { needs } from '../helpers/kernel/require.js';
import { valuesIn } from '../helpers/rigs/file-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const PEER = fileURLToPath(new URL('file-peer.js', import.meta.url));
const peer = needs(test, ['namespace']);

peer('a full disk is counted with its reason, loses nothing, and export goes on when there is room', async t => {
  const folder = temporaryPath(t, 'x').slice(0, -2);
  const script = 'mount -t tmpfs -o size=256k none "$1" && exec "$2" "$3" "$1/flows.ipfix"';
  const unshare = process.getuid!() === 0 ? '-m' : '-Urm';
  const child = spawn('unshare', [unshare, 'sh', '-c', script, 'sh', folder, process.execPath, PEER]);
  t.teardown(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', line => lines.push(line));
  child.stderr.on('data', chunk => t.log(String(chunk)));
  await eventually('its file system', () => lines.includes('opened'));
  // through a descriptor its files can be read after it has ended, too
  const fd = openSync(join(`/proc/${child.pid}/root`, folder), 'r');
  t.teardown(() => closeSync(fd));
  const files = (): string[] =>
    readdirSync(`/proc/self/fd/${fd}`)
      .sort()
      .map(name => `/proc/self/fd/${fd}/${name}`);
  const closedFiles = (): string[] => files().filter(file => !file.endsWith('/flows.ipfix'));

  await eventually('the disk is full', () => lines.includes('closed: ENOSPC'));
  const opened = lines.length;
  // what is full stays full: a file that can be opened is not yet one that can be written
  await eventually('it is tried again', () => lines.filter(line => line === 'closed: ENOSPC').length >= 3);
  t.deepEqual([...new Set(lines.slice(opened))], ['closed: ENOSPC']);

  // what the disk cut off is not in the files
  const first = closedFiles().flatMap(valuesIn);
  t.true(first.length > 10_000, String(first.length));
  for (const file of closedFiles()) rmSync(file);
  await eventually('another file', () => lines.at(-1) === 'opened');
  await eventually('records in it', () => files().some(file => valuesIn(file).length > 1_000));
  child.stdin.end();
  await closed;
  const { exported, settled, counts } = JSON.parse(lines.at(-1)!) as {
    exported: number;
    settled: number;
    counts: { errors: Record<string, number>; lostRecords: number; uncertainRecords: number };
  };
  t.is(settled, exported);
  t.like(counts, { lostRecords: 0, uncertainRecords: 0 });
  t.true(counts.errors['ENOSPC'] >= 3);
  t.deepEqual(Object.keys(counts.errors), ['ENOSPC']);
  const all = [...first, ...files().flatMap(valuesIn)];
  t.is(all.length, exported);
  t.deepEqual(
    all,
    Array.from({ length: all.length }, (_, i) => i),
  );
});
