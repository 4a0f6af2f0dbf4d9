import { constants } from 'node:fs';

/** Opens for reading, and does not wait for the other end of a FIFO. */
export const READ_NOW = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** @returns why a file that was opened cannot be read to its end, undefined where it can */
export function notRegular(file: { isFile(): boolean; isDirectory(): boolean }): string | undefined {
  if (file.isFile()) return undefined;
  return file.isDirectory() ? 'it is a directory' : 'it is a pipe, a socket or a device';
}
