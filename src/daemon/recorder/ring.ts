import { type FileHandle, open, rm } from 'node:fs/promises';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { makeFolder } from './folder.js';
import { findSegments, type Segment, SEGMENT_HEADER, segmentPath } from './segment.js';

/** So many segments together have the size, or the time, of the ring: what goes at once is a small part of it. */
const PARTS = 16;

export interface RingOptions {
  readonly directory: string;
  /** Octets of all segments at most. */
  readonly size: number;
  /** Milliseconds that are kept. */
  readonly last: number;
  /** Takes the lock of the folder. @throws where another exporter has it */
  readonly lock?: (() => unknown) | undefined;
}

/** What is appended in one go. */
export interface Piece {
  readonly parts: readonly Uint8Array[];
  readonly octets: number;
  /** Events in it. */
  readonly events: number;
  /** When it was read, milliseconds since 1970. */
  readonly at: number;
  /** No dump is open before it: a new segment may begin with it. */
  readonly isBoundary: boolean;
  /** No dump is open behind it. */
  readonly isWhole: boolean;
}

/** A segment that is open for reading, with as much of it as there was. */
export interface OpenSegment {
  readonly file: FileHandle;
  readonly segment: Readonly<Segment>;
}

/** The newest part of a recording on disk, in segments: the oldest goes where there is no room, or it is too old. */
export class Ring {
  readonly #options: RingOptions;
  readonly #segments: Segment[];
  #file: FileHandle | undefined;
  #octets: number;

  private constructor(options: RingOptions, segments: Segment[]) {
    this.#options = options;
    this.#segments = segments;
    this.#octets = segments.reduce((sum, { octets }) => sum + octets, 0);
  }

  /**
   * Makes the folder where it is not there, and keeps what an earlier run has left.
   * @throws CtflowError CTFLOW_RECORDING
   */
  static async open(options: RingOptions): Promise<Ring> {
    try {
      await makeFolder(options.directory);
      options.lock?.();
      const ring = new Ring(options, await findSegments(options.directory));
      await ring.#trim(Date.now(), 0);
      return ring;
    } catch (error) {
      throw error instanceof CtflowError ? error : cannotRecord(options.directory, error);
    }
  }

  get segments(): number {
    return this.#segments.length;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Milliseconds from the oldest of what is held to the newest. */
  get span(): number {
    const { length } = this.#segments;
    return length === 0 ? 0 : Math.max(this.#segments[length - 1].to - this.#segments[0].from, 0);
  }

  /**
   * Appends a piece, and makes room for it.
   * @throws the system's error; the segment ends behind its last whole dump or event then, and another has to be begun
   */
  async append(piece: Piece): Promise<void> {
    await this.#trim(piece.at, piece.octets);
    const segment = await this.#segmentFor(piece);
    try {
      await writeAll(this.#file!, piece.parts, segment.octets);
    } catch (error) {
      this.#octets -= segment.octets - segment.whole;
      segment.octets = segment.whole;
      await this.#file!.truncate(segment.whole).catch(() => {});
      throw error;
    }
    segment.octets += piece.octets;
    this.#octets += piece.octets;
    if (piece.isWhole) segment.whole = segment.octets;
    segment.to = Math.max(segment.to, piece.at);
  }

  /** The next piece begins a segment. */
  async endSegment(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** All that is held now, for reading; whoever calls closes the files. @throws the system's error */
  async read(): Promise<OpenSegment[]> {
    const opened: OpenSegment[] = [];
    // some may go meanwhile
    const held = [...this.#segments];
    try {
      for (const segment of held) {
        const file = await open(segment.path, 'r').catch(nothing);
        if (file) opened.push({ file, segment: { ...segment } });
      }
    } catch (error) {
      for (const { file } of opened) await file.close();
      throw error;
    }
    return opened;
  }

  async #segmentFor({ at, isBoundary }: Piece): Promise<Segment> {
    const { directory, size, last } = this.#options;
    const newest = this.#segments.at(-1);
    if (this.#file && newest) {
      const isFull = newest.octets >= size / PARTS || at - newest.from >= last / PARTS;
      if (!isBoundary || !isFull) return newest;
      await this.endSegment();
    }
    // the clock may have stepped back
    const from = Math.max(at, (newest?.from ?? 0) + 1);
    const path = segmentPath(directory, from);
    const file = await open(path, 'wx', 0o600);
    const segment = { path, from, to: from, octets: 0, whole: SEGMENT_HEADER.length };
    try {
      await writeAll(file, [SEGMENT_HEADER], 0);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    segment.octets = SEGMENT_HEADER.length;
    this.#octets += segment.octets;
    this.#segments.push(segment);
    this.#file = file;
    return segment;
  }

  /** Removes the oldest segments until there is room, and those that are too old; never the one that is being written. */
  async #trim(now: number, octets: number): Promise<void> {
    const { size, last } = this.#options;
    while (this.#segments.length > (this.#file ? 1 : 0)) {
      const [oldest] = this.#segments;
      if (this.#octets + octets + SEGMENT_HEADER.length <= size && now - oldest.to <= last) return;
      await rm(oldest.path, { force: true });
      this.#segments.shift();
      this.#octets -= oldest.octets;
    }
  }
}

async function writeAll(file: FileHandle, parts: readonly Uint8Array[], from: number): Promise<void> {
  let left = [...parts];
  for (let at = from; left.length > 0;) {
    let { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    while (left.length > 0 && bytesWritten >= left[0].length) bytesWritten -= left.shift()!.length;
    if (bytesWritten > 0) left = [left[0].subarray(bytesWritten), ...left.slice(1)];
  }
}

function nothing(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/** @param path of a file or folder that cannot be written */
export function cannotRecord(path: string, error: unknown): CtflowError {
  const errno = errnoOf(error) || String(error);
  const hints: Record<string, string> = {
    EACCES: 'Give ctflow the right to write there, or give --record-directory with another folder',
    ENOSPC: 'The disk is full: free space, or give --record-directory on another one',
    ENOENT: 'The folder is gone, or none can be made there: give --record-directory with another one',
    EROFS: 'Give --record-directory with a folder that can be written to',
  };
  const hint = hints[errno] ?? 'Give --record-directory with another folder';
  return new CtflowError('CTFLOW_RECORDING', `The flight recorder cannot write ${path} (${errno})`, hint, error);
}
