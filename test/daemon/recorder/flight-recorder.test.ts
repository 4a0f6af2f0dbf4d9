import test from 'ava';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, DONE } from '../../helpers/builders/netlink-builder.js';
import { needs } from '../../helpers/kernel/require.js';
import { connection, destroys, RecorderRig, shown } from '../../helpers/rigs/recorder-rig.js';
import { temporaryPath } from '../../helpers/temporary.js';

const PEER = fileURLToPath(new URL('full-disk-peer.js', import.meta.url));

test('what is written out plays in the order in which it came', async t => {
  const rig = await RecorderRig.open(temporaryPath(t, 'record'));
  rig.destroy(1);
  t.true(await rig.dump([2, 3], [4]));
  rig.destroy(2, 5);
  rig.recorder.wantDump();
  t.true(await rig.dump([3, 6], [], false));
  const { path, octets } = await rig.recorder.write('command');
  t.is(statSync(path).size, octets);
  t.is(statSync(path).mode & 0o777, 0o600);
  // an event that came in a dump is behind the rows that were read before it
  t.deepEqual(await shown(path), ['destroyed 1', 'destroyed 4', 'dump 2 3', 'destroyed 2 5', 'part 3 6']);
  t.like(rig.recorder.stats(), { events: 4, dumps: 1, partDumps: 1, recordings: 1, errors: 0, waiting: 0 });
  await rig.recorder.close();
});

test('the ring keeps to its size, the oldest goes, and each file is for its owner alone', async t => {
  const directory = temporaryPath(t, 'record');
  const size = 4 << 20;
  const rig = await RecorderRig.open(directory, { size });
  const messages = destroys(...Array.from({ length: 1000 }, (_, i) => i + 1));
  for (let turn = 0; turn < 60; turn++) {
    rig.now.time += 1_000;
    rig.recorder.events({ messages: Uint8Array.from(messages), lost: 0 });
    await rig.written();
    t.true(rig.recorder.stats().octets <= size);
  }
  rig.destroy(7, 8);
  await rig.written();
  const files = readdirSync(directory).filter(name => name.startsWith('ring-'));
  t.is(files.length, rig.recorder.stats().segments);
  const sizes = files.map(name => statSync(join(directory, name)).size);
  t.is(
    sizes.reduce((sum, one) => sum + one, 0),
    rig.recorder.stats().octets,
  );
  t.true(rig.recorder.stats().octets > size / 2);
  for (const name of files) t.is(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  const lines = await shown((await rig.recorder.write('command')).path);
  t.is(lines.at(-1), 'destroyed 7 8');
  t.true(rig.recorder.stats().octetsWritten > rig.recorder.stats().octets);
  await rig.recorder.close();
});

test('dumps have half of the ring, as often as that allows, and one that is asked for', async t => {
  const rig = await RecorderRig.open(temporaryPath(t, 'record'), { size: 4 << 20, last: 100_000 });
  const table = Array.from({ length: 2000 }, (_, i) => i + 1);
  let dumps = 0;
  for (let second = 0; second < 100; second += 5) {
    rig.now.time = second * 1_000;
    if (await rig.dump(table)) dumps++;
    await rig.written();
  }
  const { octetsWritten } = rig.recorder.stats();
  t.true(dumps >= 6 && dumps <= 14, `${dumps} dumps of ${octetsWritten / dumps} octets`);
  t.true(octetsWritten <= (2 << 20) * 1.2);
  rig.recorder.wantDump();
  t.true(await rig.dump([1]));
  t.false(await rig.dump([1]));
  await rig.recorder.close();
});

test('a table that is too large for the size is not recorded, and counted', async t => {
  let entries = 100_000;
  const rig = await RecorderRig.open(temporaryPath(t, 'record'), { size: 4 << 20, entries: () => entries });
  t.false(await rig.dump([1]));
  t.is(rig.recorder.stats().skippedDumps.size, 1);
  // one that is larger than was thought is cut
  entries = 0;
  t.true(rig.recorder.beginDump());
  const piece = Buffer.concat(Array.from({ length: 2000 }, (_, i) => connection(i)));
  for (let i = 0; i < 20; i++) rig.recorder.dumped(piece);
  rig.recorder.dumped(answer(DONE, 0));
  await rig.recorder.pollHook.afterDump!(true);
  rig.destroy(9);
  const lines = await shown((await rig.recorder.write('command')).path);
  t.regex(lines[0], /^part 0 1 2 /);
  t.is(lines.at(-1), 'destroyed 9');
  await rig.recorder.close();
});

test('events beyond the rate, or beyond the CPU, are dropped and counted, and recorded again later', async t => {
  const slow = await RecorderRig.open(temporaryPath(t, 'record'), { rate: 64 << 10 });
  const messages = destroys(...Array.from({ length: 1000 }, (_, i) => i));
  for (let turn = 0; turn < 10; turn++) slow.recorder.events({ messages, lost: 0 });
  const { events, droppedEvents } = slow.recorder.stats();
  await slow.written();
  t.true(droppedEvents.rate > 0 && droppedEvents.rate < 10_000, `${events} ${droppedEvents.rate}`);
  t.is(slow.recorder.stats().events + droppedEvents.rate, 10_000);
  t.false(await slow.dump([1]));
  t.is(slow.recorder.stats().skippedDumps.rate, 1);
  slow.now.time += 60_000;
  slow.destroy(1);
  await slow.written();
  t.is(slow.recorder.stats().droppedEvents.rate, droppedEvents.rate);
  await slow.recorder.close();

  let cpu = 0;
  const busy = await RecorderRig.open(temporaryPath(t, 'record'), { cpu: 1, cpuClock: () => (cpu += 100) });
  busy.destroy(1);
  busy.destroy(2);
  t.is(busy.recorder.stats().droppedEvents.cpu, 1);
  t.is(busy.recorder.stats().cpu, 200);
  await busy.recorder.close();
});

test('what is lost on the way is counted', async t => {
  const rig = await RecorderRig.open(temporaryPath(t, 'record'));
  rig.recorder.events({ messages: destroys(1), lost: 3 });
  const thousand = destroys(...Array.from({ length: 1000 }, (_, i) => i));
  const messages = Buffer.concat(Array<Buffer>(130).fill(thousand));
  // the disk has no turn of the event loop in between
  rig.recorder.events({ messages, lost: 0 });
  rig.recorder.events({ messages, lost: 0 });
  const { busy } = rig.recorder.stats().droppedEvents;
  t.true(busy > 3);
  await rig.written();
  t.is(rig.recorder.stats().events + busy, 260_004);
  await rig.recorder.close();
});

test('a start after a kill reads what is whole, wherever the writer was cut', async t => {
  const from = temporaryPath(t, 'record');
  const rig = await RecorderRig.open(from);
  rig.destroy(1);
  await rig.written();
  await rig.dump([2], [3]);
  rig.destroy(4);
  await rig.recorder.close();
  const name = readdirSync(from).find(one => one.startsWith('ring-') && one.endsWith('.ctflow'))!;
  const bytes = readFileSync(join(from, name));
  const whole = ['destroyed 1', 'destroyed 3', 'dump 2', 'destroyed 4'];
  let most = 0;
  for (let cut = 0; cut <= bytes.length; cut += 7) {
    const directory = join(dirname(from), String(cut));
    mkdirSync(directory);
    writeFileSync(join(directory, name), bytes.subarray(0, cut));
    writeFileSync(join(directory, 'recording-x.ctflow.part'), 'left');
    const next = await RecorderRig.open(directory);
    next.destroy(5);
    const lines = await shown((await next.recorder.write('signal')).path);
    const held = lines.slice(0, -1);
    t.is(lines.at(-1), 'destroyed 5');
    t.deepEqual(held, whole.slice(0, held.length), `${cut}`);
    t.true(held.length >= most && held.length !== 2, `${cut}: ${held.join()}`);
    most = held.length;
    t.false(readdirSync(directory).some(one => one.endsWith('.part')));
    await next.recorder.close();
  }
  t.is(most, bytes.length % 7 === 0 ? 4 : 3);
});

test('what is no segment, or of another kind of host, hinders no start', async t => {
  const directory = temporaryPath(t, 'record');
  mkdirSync(directory);
  writeFileSync(join(directory, 'ring-1700000000000.ctflow'), Buffer.alloc(5000));
  writeFileSync(join(directory, 'ring-1700000000001.ctflow'), '\x89CTFLOW\n', 'latin1');
  mkdirSync(join(directory, 'ring-1700000000002.ctflow'));
  writeFileSync(join(directory, 'notes'), 'mine');
  const rig = await RecorderRig.open(directory).catch((error: unknown) => error);
  t.true(rig instanceof RecorderRig, String(rig));
  t.true(readdirSync(directory).includes('notes'));
  await (rig as RecorderRig).recorder.close();
});

test('written recordings are named by time and reason, and the newest are kept', async t => {
  const directory = temporaryPath(t, 'record');
  const rig = await RecorderRig.open(directory, { keep: 2 });
  rig.destroy(1);
  const paths: string[] = [];
  for (const why of ['command', 'table-fill', 'drops']) {
    paths.push((await rig.recorder.write(why)).path);
    await new Promise(resolve => setTimeout(resolve, 2)); // another millisecond
  }
  t.regex(paths[1], /\/recording-\d{8}T\d{6}\.\d{3}Z-table-fill\.ctflow$/);
  const left = readdirSync(directory).filter(name => name.startsWith('recording-'));
  t.deepEqual(
    left,
    paths
      .slice(1)
      .map(path => path.split('/').at(-1)!)
      .toSorted(),
  );
  await rig.recorder.close();
});

needs(test, ['namespace'])('a full disk is counted, what was recorded stays, and it goes on when there is room', t => {
  const folder = dirname(temporaryPath(t, 'x'));
  const script = 'mount -t tmpfs -o size=6m none "$1" && exec "$2" "$3" "$1"';
  const unshare = process.getuid!() === 0 ? '-m' : '-Urm';
  const args = [unshare, 'sh', '-c', script, 'sh', folder, process.execPath, PEER];
  const { stdout, stderr, status } = spawnSync('unshare', args, { encoding: 'utf8' });
  t.is(status, 0, stderr);
  const { full, later, lines } = JSON.parse(stdout) as {
    full: { errors: number; lastError: string; droppedEvents: { disk: number }; failedRecordings: number };
    later: { errors: number };
    lines: string[];
  };
  t.like(full, { errors: 1, lastError: 'ENOSPC', failedRecordings: 1 });
  t.true(full.droppedEvents.disk > 0);
  t.is(later.errors, 1);
  t.is(lines[0], 'destroyed 1');
  t.deepEqual(lines.slice(-2), ['destroyed 2', 'dump 3']);
});
