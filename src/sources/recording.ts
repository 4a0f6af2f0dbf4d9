import { type FileHandle, open } from 'node:fs/promises';
import { notRegular, READ_NOW } from '../common/regular-file.js';
import { CtflowError, errnoOf } from '../common/errors.js';
import {
  BIG_ENDIAN,
  DATA,
  dataFrames,
  DONE,
  doneFrame,
  DUMP,
  dumpFrame,
  EVENTS,
  FRAME_HEADER_SIZE,
  HEADER_SIZE,
  isRecordingHeader,
  LARGEST_DATA,
  LARGEST_EVENTS,
  LITTLE_ENDIAN,
  NUMBER_SIZE,
  PART,
  recordingHeader,
  tagOf,
  VERSION,
  VERSION_WITH_EVENTS,
} from './recording-frames.js';

const READ_SIZE = LARGEST_EVENTS;

/** Writes a recording: the netlink bytes of one dump after another. */
export class RecordingWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  #octets = 0n;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  /**
   * Creates or replaces the file.
   * @param littleEndian byte order of the host that the netlink bytes come from
   * @throws CtflowError CTFLOW_RECORDING
   */
  static async create(path: string, littleEndian: boolean): Promise<RecordingWriter> {
    let file: FileHandle;
    try {
      // addresses of real connections are nobody else's
      file = await open(path, 'w', 0o600);
      if ((await file.stat()).isFile()) await file.chmod(0o600);
    } catch (error) {
      throw fileError('write', path, error);
    }
    const writer = new RecordingWriter(file, path);
    await writer.#append(recordingHeader(littleEndian, VERSION));
    return writer;
  }

  /** Begins a dump. @param at nanoseconds since 1970 */
  async beginDump(at: bigint): Promise<void> {
    this.#octets = 0n;
    await this.#append(dumpFrame(at));
  }

  /** Adds netlink bytes to the dump that was begun. */
  async write(netlink: Uint8Array): Promise<void> {
    for (const part of dataFrames(netlink)) await this.#append(part);
    this.#octets += BigInt(netlink.length);
  }

  /** Marks the dump as whole. */
  async endDump(): Promise<void> {
    await this.#append(doneFrame(this.#octets));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.writeFile(bytes);
    } catch (error) {
      throw fileError('write', this.#path, error);
    }
  }
}

type OnNetlink = (netlink: Uint8Array, at: bigint) => void | Promise<void>;

/** Reads a recording in pieces, never as a whole. */
export class RecordingReader {
  /** Byte order of the host that the netlink bytes come from. */
  readonly littleEndian: boolean;
  /** Events were recorded, too. */
  readonly hasEvents: boolean;
  /** The last dump has seen the whole table, as far as the recorder knew. */
  isWhole = true;
  readonly #file: PieceReader;
  #failure: unknown;

  private constructor(file: PieceReader, littleEndian: boolean, hasEvents: boolean) {
    this.#file = file;
    this.littleEndian = littleEndian;
    this.hasEvents = hasEvents;
  }

  /** @throws CtflowError CTFLOW_RECORDING where the file cannot be read or is no recording */
  static async open(path: string): Promise<RecordingReader> {
    const file = await PieceReader.open(path);
    try {
      const header = await file.take(HEADER_SIZE);
      if (!header || !isRecordingHeader(header)) {
        throw new CtflowError(
          'CTFLOW_RECORDING',
          `'${path}' is not a recording of ctflow`,
          'Make one with ctflow record FILE',
        );
      }
      const version = header.readUInt16BE(8);
      if (version !== VERSION && version !== VERSION_WITH_EVENTS) {
        throw new CtflowError(
          'CTFLOW_RECORDING',
          `'${path}' has format version ${version}, this ctflow reads versions ${VERSION} and ${VERSION_WITH_EVENTS}`,
          'Replay it with the ctflow that recorded it, or record again',
        );
      }
      const order = header[10];
      if (order !== LITTLE_ENDIAN && order !== BIG_ENDIAN) throw file.damaged(10, `byte order ${order}`);
      return new RecordingReader(file, order === LITTLE_ENDIAN, version === VERSION_WITH_EVENTS);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Reads the next dump, and the events before it and in it, in the order in which they were read.
   * @param onData gets the netlink bytes in order; a piece is valid until the returned promise settles
   * @param onEvents gets whole messages of events, after the last dump too
   * @returns when the dump began, nanoseconds since 1970; undefined when there is no further dump
   * @throws CtflowError CTFLOW_RECORDING where the file is damaged or cut; from then on always
   */
  async nextDump(onData: OnNetlink, onEvents?: OnNetlink): Promise<bigint | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return await this.#readDump(onData, onEvents);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #readDump(onData: OnNetlink, onEvents: OnNetlink | undefined): Promise<bigint | undefined> {
    const file = this.#file;
    let start = file.offset;
    let first = await file.take(FRAME_HEADER_SIZE);
    for (; first && this.#isEvents(first); first = await file.take(FRAME_HEADER_SIZE)) {
      await this.#events(first, onEvents);
      start = file.offset;
    }
    if (!first) return undefined;
    if (tagOf(first) !== DUMP) throw file.damaged(start, `${DUMP} expected`);
    const at = await this.#number(first);
    let octets = 0n;
    for (;;) {
      const offset = file.offset;
      const header = await file.take(FRAME_HEADER_SIZE);
      if (!header) throw file.damaged(offset, `the dump has no ${DONE}`);
      if (this.#isEvents(header)) {
        await this.#events(header, onEvents);
        continue;
      }
      const tag = tagOf(header);
      if (tag === DONE || (tag === PART && this.hasEvents)) {
        const expected = await this.#number(header);
        if (expected !== octets)
          throw file.damaged(offset, `${octets} bytes of netlink where ${expected} were written`);
        this.isWhole = tag === DONE;
        return at;
      }
      const length = header.readUInt32BE(4);
      if (tag !== DATA || length === 0 || length > LARGEST_DATA) {
        throw file.damaged(offset, `${DATA} or ${DONE} expected`);
      }
      for (let left = length; left > 0;) {
        const piece = await file.take(Math.min(left, READ_SIZE));
        if (!piece) throw file.damaged(file.offset, `${left} bytes are missing`);
        left -= piece.length;
        octets += BigInt(piece.length);
        await onData(piece, at);
      }
    }
  }

  #isEvents(header: Buffer): boolean {
    return this.hasEvents && tagOf(header) === EVENTS;
  }

  async #events(header: Buffer, onEvents: OnNetlink | undefined): Promise<void> {
    const offset = this.#file.offset;
    const length = header.readUInt32BE(4);
    if (length <= NUMBER_SIZE || length > LARGEST_EVENTS) throw this.#file.damaged(offset - 4, 'a wrong length');
    const payload = await this.#file.take(length);
    if (!payload) throw this.#file.damaged(offset, `${length} bytes are missing`);
    await onEvents?.(payload.subarray(NUMBER_SIZE), payload.readBigUInt64BE());
  }

  async #number(header: Buffer): Promise<bigint> {
    const offset = this.#file.offset;
    if (header.readUInt32BE(4) !== NUMBER_SIZE) throw this.#file.damaged(offset - 4, 'a wrong length');
    const payload = await this.#file.take(NUMBER_SIZE);
    if (!payload) throw this.#file.damaged(offset, 'a number is missing');
    return payload.readBigUInt64BE();
  }
}

/** Takes pieces of a wanted size from a file, through one buffer. */
class PieceReader {
  /** Bytes taken so far. */
  offset = 0;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #buffer = Buffer.alloc(READ_SIZE);
  #from = 0;
  #to = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  static async open(path: string): Promise<PieceReader> {
    let file: FileHandle;
    try {
      file = await open(path, READ_NOW);
    } catch (error) {
      throw fileError('read', path, error);
    }
    const why = notRegular(await file.stat());
    if (why === undefined) return new PieceReader(file, path);
    await file.close();
    throw new CtflowError(
      'CTFLOW_RECORDING',
      `Cannot read '${path}': ${why}`,
      'Give a file; write a stream to one first',
    );
  }

  /**
   * The next `size` bytes, READ_SIZE at most, valid until the next call; undefined exactly at the end of the file.
   * @throws CtflowError CTFLOW_RECORDING where the file ends within them
   */
  async take(size: number): Promise<Buffer | undefined> {
    if (this.#to - this.#from < size) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    while (this.#to < size) {
      const read = await this.#read();
      if (read > 0) this.#to += read;
      else if (this.#to === 0) return undefined;
      else throw this.damaged(this.offset + this.#to, 'the file is truncated');
    }
    const piece = this.#buffer.subarray(this.#from, this.#from + size);
    this.#from += size;
    this.offset += size;
    return piece;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  damaged(offset: number, what: string): CtflowError {
    return new CtflowError(
      'CTFLOW_RECORDING',
      `'${this.#path}' is damaged at byte ${offset}: ${what}`,
      'Record again; the dumps before this byte are intact',
    );
  }

  async #read(): Promise<number> {
    try {
      return (await this.#file.read(this.#buffer, this.#to, READ_SIZE - this.#to, null)).bytesRead;
    } catch (error) {
      throw fileError('read', this.#path, error);
    }
  }
}

function fileError(what: 'read' | 'write', path: string, error: unknown): CtflowError {
  const errno = errnoOf(error);
  const hints: Record<string, string> = {
    ENOENT: 'Check the path',
    EACCES: 'Check the permissions of the file and its directory',
    EISDIR: 'Give a file, not a directory',
    ENOSPC: 'The disk is full',
  };
  return new CtflowError(
    'CTFLOW_RECORDING',
    `Cannot ${what} '${path}' (${errno})`,
    hints[errno] ?? 'Check the file',
    error,
  );
}
