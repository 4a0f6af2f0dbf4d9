import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenSegment } from './ring.js';
import { SEGMENT_HEADER } from './segment.js';

/** `recording-20261127T085911.123Z-command.ctflow`: when it was written, in UTC, and why. */
const NAME = /^recording-\d{8}T\d{6}\.\d{3}Z-[a-z-]+\.ctflow$/;
/** What is being written, and what a killed process has left of it. */
const PART = /^recording-.*\.ctflow\.part$/;
const COPY_SIZE = 1 << 18;

/** A file that `--source replay:` plays. */
export interface WrittenRecording {
  readonly path: string;
  readonly octets: number;
  /** Milliseconds since 1970 of the oldest and of the newest in it; absent where it is empty. */
  readonly from?: number;
  readonly to?: number;
}

/** Recordings that were written out of the ring. */
export class WrittenRecordings {
  readonly #directory: string;
  readonly #keep: number;
  #writing: Promise<WrittenRecording> | undefined;

  /** @param keep so many at most; the oldest go first */
  constructor(directory: string, keep: number) {
    this.#directory = directory;
    this.#keep = keep;
  }

  /** Removes what a killed process has left. */
  async tidy(): Promise<void> {
    for (const name of await readdir(this.#directory))
      if (PART.test(name)) await rm(join(this.#directory, name), { force: true });
  }

  /**
   * Writes the segments into one file, and closes them. Who asks while one is being written gets the same.
   * @throws the system's error
   */
  async write(why: string, segments: readonly OpenSegment[]): Promise<WrittenRecording> {
    try {
      this.#writing ??= this.#write(why, segments).finally(() => (this.#writing = undefined));
      return await this.#writing;
    } finally {
      for (const { file } of segments) await file.close();
    }
  }

  async #write(why: string, segments: readonly OpenSegment[]): Promise<WrittenRecording> {
    const time = new Date().toISOString().replaceAll(/[-:]/g, '');
    const path = join(this.#directory, `recording-${time}-${why}.ctflow`);
    const part = `${path}.part`;
    let octets = SEGMENT_HEADER.length;
    try {
      const file = await open(part, 'wx', 0o600);
      try {
        await file.writeFile(SEGMENT_HEADER);
        for (const { file: from, segment } of segments) octets += await append(file, from, segment.whole);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    await this.#removeOldest();
    const [first, last] = [segments[0], segments.at(-1)];
    return { path, octets, ...(first && last && { from: first.segment.from, to: last.segment.to }) };
  }

  async #removeOldest(): Promise<void> {
    const names = (await readdir(this.#directory)).filter(name => NAME.test(name)).toSorted();
    for (const name of names.slice(0, -this.#keep)) await rm(join(this.#directory, name), { force: true });
  }
}

/** Appends a segment without its header. @returns octets */
async function append(to: FileHandle, from: FileHandle, end: number): Promise<number> {
  const buffer = Buffer.alloc(COPY_SIZE);
  let at = SEGMENT_HEADER.length;
  while (at < end) {
    const { bytesRead } = await from.read(buffer, 0, Math.min(COPY_SIZE, end - at), at);
    if (bytesRead === 0) break;
    await to.writeFile(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return at - SEGMENT_HEADER.length;
}
