import { constants } from 'node:fs';
import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HOST_LITTLE_ENDIAN } from '../../common/u64.js';
import {
  DATA,
  DONE,
  DUMP,
  EVENTS,
  FRAME_HEADER_SIZE,
  HEADER_SIZE,
  LARGEST_DATA,
  LARGEST_EVENTS,
  NUMBER_SIZE,
  PART,
  recordingHeader,
  tagOf,
  VERSION_WITH_EVENTS,
} from '../../sources/recording-frames.js';

/** A file of the ring: a recording by itself. */
export interface Segment {
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  to: number;
  octets: number;
  /** Octets up to which it can be played: behind them is a dump that goes on. */
  whole: number;
}

/** `ring-1764268200123.ctflow`: when it was begun, milliseconds since 1970. */
const NAME = /^ring-(\d{13})\.ctflow$/;
const READ_SIZE = 1 << 16;
const TIMED_HEADER = FRAME_HEADER_SIZE + NUMBER_SIZE;

/** What every segment begins with. */
export const SEGMENT_HEADER = recordingHeader(HOST_LITTLE_ENDIAN, VERSION_WITH_EVENTS);

export function segmentPath(directory: string, from: number): string {
  return join(directory, `ring-${String(from).padStart(13, '0')}.ctflow`);
}

/**
 * The segments that are there, the oldest first. One that was cut, as its writer was killed, ends behind its last whole dump or
 * event; what has none is removed.
 * @throws the system's error
 */
export async function findSegments(directory: string): Promise<Segment[]> {
  const found: Segment[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    const from = NAME.exec(name)?.[1];
    if (from === undefined) continue;
    const path = join(directory, name);
    const segment = await mended(path, Number(from));
    if (segment) found.push(segment);
    // a folder stays
    else await unlink(path).catch(() => {});
  }
  return found;
}

/** @returns undefined where nothing in it is whole, or it is of another version or kind of host */
async function mended(path: string, from: number): Promise<Segment | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch {
    return undefined; // a folder, a link, or of another user
  }
  try {
    const { octets, to } = await wholePart(file);
    if (octets <= HEADER_SIZE) return undefined;
    if (octets < (await file.stat()).size) await file.truncate(octets);
    return { path, from, to: Math.max(to, from), octets, whole: octets };
  } finally {
    await file.close();
  }
}

/** How many bytes of a segment are whole, and when the last of it was read. */
async function wholePart(file: FileHandle): Promise<{ octets: number; to: number }> {
  const buffer = Buffer.alloc(READ_SIZE);
  const whole = { octets: 0, to: 0 };
  const { bytesRead } = await file.read(buffer, 0, HEADER_SIZE, 0);
  if (bytesRead < HEADER_SIZE || !buffer.subarray(0, HEADER_SIZE).equals(SEGMENT_HEADER)) return whole;
  whole.octets = HEADER_SIZE;
  const { size } = await file.stat();
  let inDump = false;
  for (let base = HEADER_SIZE; ;) {
    const { bytesRead: length } = await file.read(buffer, 0, READ_SIZE, base);
    let at = 0;
    while (length - at >= TIMED_HEADER) {
      const header = buffer.subarray(at, at + TIMED_HEADER);
      const end = at + FRAME_HEADER_SIZE + header.readUInt32BE(4);
      const next = follows(header, inDump);
      if (next === undefined || base + end > size) return whole;
      inDump = next;
      const tag = tagOf(header);
      if (tag === DUMP || tag === EVENTS) whole.to = Number(header.readBigUInt64BE(FRAME_HEADER_SIZE) / 1_000_000n);
      if (!inDump) whole.octets = base + end;
      at = end;
    }
    if (at === 0) return whole;
    base += at;
  }
}

/** Whether a dump is open behind a frame; undefined where the frame may not stand there. */
function follows(header: Buffer, inDump: boolean): boolean | undefined {
  const length = header.readUInt32BE(4);
  switch (tagOf(header)) {
    case DUMP:
      return !inDump && length === NUMBER_SIZE ? true : undefined;
    case DATA:
      return inDump && length > 0 && length <= LARGEST_DATA ? true : undefined;
    case DONE:
    case PART:
      return inDump && length === NUMBER_SIZE ? false : undefined;
    case EVENTS:
      return length > NUMBER_SIZE && length <= LARGEST_EVENTS ? inDump : undefined;
    default:
      return undefined;
  }
}
