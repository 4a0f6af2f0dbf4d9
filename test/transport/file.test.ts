import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import { IpfixFile } from '../../src/transport/ipfix-file.js';
import { eventually } from '../helpers/eventually.js';
import { perBackend } from '../helpers/backends.js';
import { data, FileSession, filesBeside, TEMPLATE, valuesIn } from '../helpers/rigs/file-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const NAME = /^flows-\d{8}T\d{6}\.\d{3}Z\.ipfix$/;

test('messages stand one after another, and count when the file has taken them', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const session = await FileSession.open(t, path);
  t.true(session.transport.ready);
  session.export(1, 2);
  session.export(3);
  t.is(session.records, 0);
  await eventually('both messages', () => session.records === 3);
  t.deepEqual(readFileSync(path), Buffer.concat([TEMPLATE, data(0, 1, 2), data(2, 3)]));
  t.like(session.transport.counts, { messages: 3, records: 3, octets: statSync(path).size, errors: {}, connects: 1 });
});

test('a file that is closed is named after the time of its first record; one without records is removed', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const before = Date.now();
  const session = await FileSession.open(t, path);
  session.export(1);
  await session.transport.close(60_000);
  const [file, ...others] = filesBeside(path);
  t.deepEqual(others, []);
  t.regex(basename(file), NAME);
  const [, y, m, d, h, min, s] = /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)([\d.]+)Z/.exec(file)!;
  const time = Date.parse(`${y}-${m}-${d}T${h}:${min}:${s}Z`);
  t.true(time >= before && time <= Date.now());
  t.deepEqual(valuesIn(file), [1]);

  const empty = temporaryPath(t, 'flows.ipfix');
  await (await FileSession.open(t, empty)).transport.close(60_000);
  t.deepEqual(filesBeside(empty), []);
});

test('at its largest size a file is closed, and the next begins with templates and sequence number 0', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const session = await FileSession.open(t, path, { fileMaxSize: 4_000, fileKeepSize: 'off' });
  for (let value = 0; value < 4_000; value += 100) {
    await eventually('the file is ready', () => session.transport.ready);
    session.export(...Array.from({ length: 100 }, (_, i) => value + i));
  }
  await eventually('all records', () => session.records === 4_000);
  await session.transport.close(60_000);
  const files = filesBeside(path);
  t.true(files.length >= 4, String(files.length));
  t.deepEqual(
    files.flatMap(valuesIn),
    Array.from({ length: 4_000 }, (_, i) => i),
  );
  t.true(files.every(file => statSync(file).size < 4_000 + 500));
  t.is(session.records, 4_000);
});

test('what waits while a file is closed goes into the next one, once', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const session = await FileSession.open(t, path, { fileMaxSize: 500, fileKeepSize: 'off' });
  // one turn: all of them wait while the first fills its file
  for (let value = 0; value < 2_000; value += 100) session.export(...Array.from({ length: 100 }, (_, i) => value + i));
  await eventually('all records', () => session.records === 2_000);
  await session.transport.close(60_000);
  const files = filesBeside(path);
  t.true(files.length > 4, String(files.length));
  t.deepEqual(
    files.flatMap(valuesIn),
    Array.from({ length: 2_000 }, (_, i) => i),
  );
  t.is(session.records, 2_000);
  t.is(session.transport.counts.lostRecords, 0);
});

test('a file is closed at its largest age, also where nothing more is exported', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const session = await FileSession.open(t, path, { fileMaxAge: 100 });
  session.export(1);
  await eventually('a second file', () => session.transport.counts.connects === 2);
  session.export(2);
  await eventually('a third file', () => session.transport.counts.connects === 3);
  const closed = filesBeside(path).filter(file => file !== path);
  t.deepEqual(closed.map(valuesIn), [[1], [2]]);
});

test('of closed files the oldest are removed, beyond a number and beyond a size', async t => {
  for (const limit of [{ fileKeep: 3 }, { fileKeepSize: 3 * 1_100 }]) {
    const path = temporaryPath(t, 'flows.ipfix');
    // others are none of its business
    const other = join(dirname(path), 'flows-of-mine.ipfix');
    writeFileSync(other, 'mine');
    const session = await FileSession.open(t, path, { fileMaxSize: 1_000, ...limit });
    for (let file = 0; file < 6; file++) {
      await eventually('the file is ready', () => session.transport.ready);
      session.export(...Array<number>(250).fill(file));
    }
    await eventually('the last file', () => session.transport.counts.connects === 7);
    const closed = filesBeside(path).filter(file => file !== path && file !== other);
    t.deepEqual(
      closed.map(file => valuesIn(file)[0]),
      [3, 4, 5],
    );
    t.is(session.transport.removedFiles, 3);
    t.is(readFileSync(other, 'utf8'), 'mine');
  }
});

test('a closed file that cannot be removed, or is gone already, keeps no other', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const folder = join(dirname(path), 'flows-20010101T000000.000Z.ipfix');
  mkdirSync(folder);
  const session = await FileSession.open(t, path, { fileMaxSize: 1_000, fileKeep: 2 });
  for (let file = 0; file < 5; file++) {
    await eventually('the file is ready', () => session.transport.ready);
    session.export(...Array<number>(250).fill(file));
  }
  await eventually('the last file', () => session.transport.counts.connects === 6);
  const closed = filesBeside(path).filter(file => file !== path && file !== folder);
  t.deepEqual(
    closed.map(file => valuesIn(file)[0]),
    [3, 4],
  );
  t.is(session.transport.removedFiles, 3);
  t.deepEqual(Object.keys(session.transport.counts.errors), ['EISDIR']);
});

test('what another exporter wrote, or closed, until the lock was had is not written over', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const earlier = Buffer.concat([TEMPLATE, data(0, 1)]);
  writeFileSync(path, earlier);
  const appended = await IpfixFile.open(path, () => {
    appendFileSync(path, data(1, 2));
    return true;
  });
  await appended.close();
  t.is(appended.size, earlier.length + data(1, 2).length);
  const moved = join(dirname(path), 'moved');
  await t.throwsAsync(
    IpfixFile.open(path, () => {
      renameSync(path, moved);
      writeFileSync(path, 'of the other');
      return true;
    }),
    { code: 'EBUSY' },
  );
  t.is(readFileSync(path, 'utf8'), 'of the other');
});

test('the beginning of a message that a kill has left is cut off, and the file gets its name', async t => {
  for (const cut of [1, 2, 15, 16, 20]) {
    const path = temporaryPath(t, 'flows.ipfix');
    const whole = Buffer.concat([TEMPLATE, data(0, 1, 2)]);
    writeFileSync(path, Buffer.concat([whole, data(2, 3).subarray(0, cut)]));
    const session = await FileSession.open(t, path);
    session.export(4);
    await session.transport.close(60_000);
    const files = filesBeside(path);
    t.is(basename(files[0]), 'flows-20260528T202640.000Z.ipfix'); // the export time of its first message
    t.deepEqual(readFileSync(files[0]), whole);
    t.deepEqual(files.map(valuesIn), [[1, 2], [4]]);
  }
});

test('messages that fill more than one read are walked over', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const values = Array.from({ length: 60_000 }, (_, i) => i);
  const parts: Buffer[] = [TEMPLATE];
  for (let at = 0, size = 1; at < values.length; at += size, size = (size * 7 + 3) % 9_000 || 1)
    parts.push(data(at, ...values.slice(at, at + size)));
  writeFileSync(path, Buffer.concat([...parts, data(60_000, 1).subarray(0, 19)]));
  const session = await FileSession.open(t, path);
  await session.transport.close(60_000);
  t.deepEqual(filesBeside(path).map(valuesIn), [values]);
});

test('what is no IPFIX file is never written to, nor moved', async t => {
  for (const content of ['root:x:0:0:root:/root:/bin/bash\n', '\0'.repeat(100_000)]) {
    const path = temporaryPath(t, 'flows.ipfix');
    writeFileSync(path, content);
    const session = await FileSession.open(t, path);
    t.is(await session.nth(1), 'closed: EEXIST');
    t.false(session.transport.ready);
    await session.transport.close(0);
    t.is(readFileSync(path, 'utf8'), content);
    t.is(filesBeside(path).length, 1);
  }
});

test('a file whose end was damaged otherwise is kept as it is', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const content = Buffer.concat([TEMPLATE, data(0, 1), Buffer.alloc(4_096)]); // as after a loss of power
  writeFileSync(path, content);
  const session = await FileSession.open(t, path);
  session.export(2);
  await session.transport.close(60_000);
  const [before, after] = filesBeside(path);
  t.deepEqual(readFileSync(before), content);
  t.deepEqual(valuesIn(after), [2]);
});

test('a folder that is not there yet is waited for, with the reason', async t => {
  const path = join(temporaryPath(t, 'later'), 'flows.ipfix');
  const session = await FileSession.open(t, path);
  t.is(await session.nth(1), 'closed: ENOENT');
  mkdirSync(dirname(path));
  await eventually('the file', () => session.transport.ready);
  t.true(session.transport.counts.errors['ENOENT'] >= 1);
  session.export(1);
  await session.transport.close(60_000);
  t.deepEqual(filesBeside(path).flatMap(valuesIn), [1]);
});

test('a file that somebody moves or removes while it is written: the next records stand under its name', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const session = await FileSession.open(t, path);
  session.export(1);
  await eventually('the first record', () => session.records === 1);
  const moved = join(dirname(path), 'moved');
  renameSync(path, moved);
  let value = 2;
  await eventually('another file', () => {
    if (session.transport.counts.connects === 2) return true;
    session.export(value++);
    return false;
  });
  session.export(value++);
  await session.transport.close(60_000);
  const all = [...valuesIn(moved), ...filesBeside(path).flatMap(valuesIn)];
  t.deepEqual(
    all,
    Array.from({ length: value - 1 }, (_, i) => i + 1),
  );
});

test('a link is followed: files stand where it leads', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const real = temporaryPath(t, 'elsewhere.ipfix');
  writeFileSync(real, '');
  symlinkSync(real, path);
  const session = await FileSession.open(t, path);
  session.export(1);
  await eventually('the record', () => session.records === 1);
  t.deepEqual(valuesIn(real), [1]);
});

perBackend('two exporters do not write into one file, where the system has locks', async (t, backend) => {
  const path = temporaryPath(t, 'flows.ipfix');
  const lock = (fd: number): boolean => backend.name === 'fallback' || backend.lockFile(fd);
  const first = await FileSession.open(t, path, { lock });
  first.export(1);
  await eventually('the first record', () => first.records === 1);
  if (backend.name === 'fallback') {
    t.pass();
    return;
  }
  const second = await FileSession.open(t, path, { lock });
  t.is(await second.nth(1), 'closed: EBUSY');
  await first.transport.close(60_000);
  await eventually('the second one has the file', () => second.transport.ready);
  second.export(2);
  await second.transport.close(60_000);
  t.deepEqual(filesBeside(path).map(valuesIn), [[1], [2]]);
});

test('a file that was never opened loses what waits at the end, counted', async t => {
  const path = join(temporaryPath(t, 'later'), 'flows.ipfix');
  const session = await FileSession.open(t, path);
  session.export(1, 2, 3);
  await session.transport.close(0);
  t.is(session.transport.counts.lostRecords, 3);
  t.throws(() => rmdirSync(dirname(path)), { code: 'ENOENT' });
});
