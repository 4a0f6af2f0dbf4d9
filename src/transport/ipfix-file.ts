import { constants, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { IPFIX_VERSION, MESSAGE_HEADER } from '../ipfix/message.js';

/** Flow records say who speaks with whom: for the user and his group. */
const MODE = 0o640;
/** Octets that are read at once to find where messages end. */
const WINDOW = 65_536;

/** As {@link Backend.lockFile}; where there are no locks, it returns true. */
export type LockFile = (fd: number) => boolean;

/** An error with an errno's name as its code, as those of the system have. */
function refused(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** What stands in a file already. */
interface Contents {
  /** Octets of whole messages. */
  readonly end: number;
  /** Behind them stands the beginning of a message. */
  readonly cutOff: boolean;
  /** Of the first message, seconds since 1970; undefined where there is none. */
  readonly exportTime: number | undefined;
}

/** A file of whole IPFIX messages that is open for writing, and locked. */
export class IpfixFile {
  readonly path: string;
  readonly #file: FileHandle;
  /** Octets of whole messages. */
  size = 0;
  /** Export time of the first message of an earlier run, milliseconds since 1970; undefined in a new file. */
  readonly begun: number | undefined;

  private constructor(path: string, file: FileHandle, { end, exportTime }: Contents) {
    this.path = path;
    this.#file = file;
    this.size = end;
    this.begun = exportTime === undefined ? undefined : exportTime * 1000;
  }

  /**
   * Opens a file, or creates it. The beginning of a message at its end, which a process left that was killed, is cut off.
   * @throws an error with a code: the system's; EBUSY where another process writes the file, EEXIST where it is no IPFIX file
   */
  static async open(path: string, lock: LockFile): Promise<IpfixFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NONBLOCK ?? 0), MODE);
    try {
      if (!(await file.stat()).isFile()) throw refused('EEXIST', 'it is no regular file');
      if (!lock(file.fd)) throw refused('EBUSY', 'another process writes it');
      // before the lock, the one that had it may have written more, and given the file its last name
      const found = await file.stat();
      if (!(await leadsTo(path, found))) throw refused('EBUSY', 'another process has just closed it');
      const contents = await contentsOf(file, found.size);
      if (contents.end === 0 && found.size > 0 && !contents.cutOff) throw refused('EEXIST', 'it is no IPFIX file');
      if (contents.cutOff) await file.truncate(contents.end);
      // what is damaged in another way stays as it is
      return new IpfixFile(path, file, contents);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Whether the path still leads to it. */
  async isThere(): Promise<boolean> {
    return leadsTo(this.path, await this.#file.stat());
  }

  /**
   * Writes messages at the end.
   * @returns octets that were taken; `error` says why not all. {@link size} has not changed: {@link keep} says what counts.
   */
  async append(bytes: Uint8Array): Promise<{ taken: number; error?: unknown }> {
    let taken = 0;
    try {
      while (taken < bytes.length) {
        const { bytesWritten } = await this.#file.write(bytes, taken, bytes.length - taken, this.size + taken);
        taken += bytesWritten;
      }
    } catch (error) {
      return { taken, error };
    }
    return { taken };
  }

  /** So many octets of what was appended are whole messages. */
  keep(octets: number): void {
    this.size += octets;
  }

  /** Cuts off what is not kept. */
  async cut(): Promise<void> {
    await this.#file.truncate(this.size);
  }

  /** Removes what stands in it. */
  async empty(): Promise<void> {
    this.size = 0;
    await this.cut();
  }

  /** Waits until the disk has what was written. */
  async sync(): Promise<void> {
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function leadsTo(path: string, file: Stats): Promise<boolean> {
  const named = await stat(path).catch(() => undefined);
  return named !== undefined && named.ino === file.ino && named.dev === file.dev;
}

/** Walks over the headers of the messages. */
async function contentsOf(file: FileHandle, size: number): Promise<Contents> {
  const window = Buffer.alloc(WINDOW);
  let from = 0;
  let have = 0;
  let exportTime: number | undefined;
  for (let at = 0; ;) {
    if (at === size) return { end: at, cutOff: false, exportTime };
    if (at + MESSAGE_HEADER > from + have && from + have < size) {
      from = at;
      ({ bytesRead: have } = await file.read(window, 0, WINDOW, from));
    }
    const rest = Math.min(have - (at - from), MESSAGE_HEADER);
    // a header that is cut off has at least the beginning of one
    const version = [IPFIX_VERSION >> 8, IPFIX_VERSION & 255].every(
      (octet, i) => i >= rest || window[at - from + i] === octet,
    );
    if (!version) return { end: at, cutOff: false, exportTime };
    if (rest < MESSAGE_HEADER) return { end: at, cutOff: true, exportTime };
    const length = window.readUInt16BE(at - from + 2);
    if (length < MESSAGE_HEADER) return { end: at, cutOff: false, exportTime };
    if (at + length > size) return { end: at, cutOff: true, exportTime };
    exportTime ??= window.readUInt32BE(at - from + 4);
    at += length;
  }
}
