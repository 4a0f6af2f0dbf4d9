import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Who reads the log: a person at a terminal, journald, or a program that reads JSON. */
export type Reader = 'terminal' | 'journald' | 'program';

/** Of standard error. JOURNAL_STREAM is device and inode of the socket that systemd has made it (systemd.exec(5)). */
export function readerOf(fd: number, { JOURNAL_STREAM: stream } = process.env): Reader {
  if (isatty(fd)) return 'terminal';
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}` ? 'journald' : 'program';
  } catch {
    return 'program'; // it is closed
  }
}
