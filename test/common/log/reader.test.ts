import { closeSync, fstatSync, openSync } from 'node:fs';
import test from 'ava';
import { readerOf } from '../../../src/common/log/reader.js';

test('journald reads the log where JOURNAL_STREAM names its device and inode, and nowhere else', t => {
  const fd = openSync('/dev/null', 'w');
  const { dev, ino } = fstatSync(fd);
  t.is(readerOf(fd, { JOURNAL_STREAM: `${dev}:${ino}` }), 'journald');
  // of a service that started this one with its output elsewhere
  t.is(readerOf(fd, { JOURNAL_STREAM: `${dev}:${ino + 1}` }), 'program');
  t.is(readerOf(fd, { JOURNAL_STREAM: '' }), 'program');
  t.is(readerOf(fd, {}), 'program');
  closeSync(fd);
  t.is(readerOf(fd, { JOURNAL_STREAM: `${dev}:${ino}` }), 'program');
});
