import test from 'ava';
import { readFileSync, writeFileSync } from 'node:fs';
import { checkStateFile } from '../../../src/cli/doctor/state-file.js';
import { encodeFileHeader } from '../../../src/state/journal-file.js';
import { StateLock } from '../../../src/state/state-lock.js';
import { backends } from '../../helpers/backends.js';
import { temporaryPath } from '../../helpers/temporary.js';

const HERE = { namespace: 7, boot: '01234567-89ab-cdef-0123-456789abcdef' };
const native = backends().find(({ name }) => name === 'native');
const lock = (fd: number): boolean => native?.lockFile(fd) ?? true;
/** @param running the process of the daemon with these settings */
const look = (path: string, running?: number) =>
  checkStateFile(
    path,
    () => HERE,
    lock,
    () => Promise.resolve(running),
  );

test('a state file of this boot and namespace is named with size and owner, another one with why it is not used', async t => {
  const path = temporaryPath(t, 'state');
  t.regex((await look(path)).found, /is not there yet/);
  writeFileSync(path, encodeFileHeader(HERE));
  t.like(await look(path), { status: 'ok' });
  t.regex((await look(path)).found, new RegExp(`: 64 B, owner ${process.getuid?.()}, of this boot and namespace`));
  writeFileSync(path, encodeFileHeader({ ...HERE, namespace: 8 }));
  t.like(await look(path), { status: 'warning', command: `mv ${path} ${path}.refused` });
  t.regex((await look(path)).found, /it is of another network namespace/);
});

(native ? test : () => {})('who has a state file is named, and keeps it; the running ctflow is no mistake', async t => {
  const path = temporaryPath(t, 'state');
  const holder = new StateLock(path, lock);
  for (const running of [undefined, process.pid + 1]) {
    const { status, found } = await look(path, running);
    t.is(status, 'warning');
    t.regex(found, new RegExp(`in use by process ${process.pid}: a second ctflow with it does not start`));
  }
  t.deepEqual(await look(path, process.pid), {
    status: 'ok',
    found: `${path} is in use by the running ctflow (process ${process.pid})`,
  });
  t.is(readFileSync(holder.path, 'latin1'), `${process.pid}\n`);
  holder.release();
  t.like(await look(path), { status: 'ok' });
});

test('a directory that is not there is an error', async t => {
  const { status, command } = await look(`${temporaryPath(t, 'gone')}/state`);
  t.is(status, 'error');
  t.truthy(command);
});
