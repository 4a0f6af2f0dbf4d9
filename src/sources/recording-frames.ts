// A recording is a header and then frames. Every number is big-endian.
//
//   header  8 bytes "\x89CTFLOW\n", version u16, byte order of the recording host u8 (1 little, 2 big), zero u8
//   frame   tag of 4 ASCII bytes, length of the payload u32, payload
//   DUMP    begins a dump: the time when it began, nanoseconds since 1970, u64
//   DATA    netlink messages as the kernel sent them, 1 byte to 1 MiB; a message may go on in the next DATA
//   DONE    ends a dump: bytes of all DATA of it, u64, so that a cut file is detected
//
// Version 2 is that of recordings with events, and has two frames more:
//
//   EVNT    events, between two dumps or in one: when they were read, nanoseconds since 1970, u64, and whole netlink messages,
//           64 KiB in all at most. The last event before DONE is older than the end of the dump.
//   PART    in place of DONE: the dump has not seen the whole table

const MAGIC = Buffer.from('\x89CTFLOW\n', 'latin1');
export const VERSION = 1;
export const VERSION_WITH_EVENTS = 2;
export const LITTLE_ENDIAN = 1;
export const BIG_ENDIAN = 2;
export const HEADER_SIZE = 12;
export const FRAME_HEADER_SIZE = 8;
export const NUMBER_SIZE = 8;
export const LARGEST_DATA = 1 << 20;
/** The payload of EVNT. */
export const LARGEST_EVENTS = 1 << 16;
export const DUMP = 'DUMP';
export const DATA = 'DATA';
export const DONE = 'DONE';
export const PART = 'PART';
export const EVENTS = 'EVNT';

/** What a recording begins with. @param littleEndian byte order of the host that the netlink bytes come from */
export function recordingHeader(littleEndian: boolean, version: number): Buffer {
  const header = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(header);
  header.writeUInt16BE(version, 8);
  header[10] = littleEndian ? LITTLE_ENDIAN : BIG_ENDIAN;
  return header;
}

export function isRecordingHeader(bytes: Buffer): boolean {
  return bytes.length >= HEADER_SIZE && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/** @param at nanoseconds since 1970 */
export function dumpFrame(at: bigint): Buffer {
  return numberFrame(DUMP, at);
}

/** @param octets of all DATA of the dump; @param whole it has seen the whole table */
export function doneFrame(octets: bigint, whole = true): Buffer {
  return numberFrame(whole ? DONE : PART, octets);
}

/** Frames of a dump's bytes, which are not copied: their parts one after another. */
export function dataFrames(netlink: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < netlink.length; at += LARGEST_DATA) {
    const data = netlink.subarray(at, at + LARGEST_DATA);
    parts.push(frameHeader(DATA, data.length), data);
  }
  return parts;
}

/**
 * The frame of events, as {@link dataFrames}.
 * @param at nanoseconds since 1970; @param netlink whole messages, LARGEST_EVENTS - NUMBER_SIZE bytes at most
 */
export function eventsFrame(at: bigint, netlink: Uint8Array): Uint8Array[] {
  return [frameHeader(EVENTS, NUMBER_SIZE + netlink.length), number(at), netlink];
}

export function tagOf(header: Buffer): string {
  return header.toString('latin1', 0, 4);
}

function numberFrame(tag: string, value: bigint): Buffer {
  return Buffer.concat([frameHeader(tag, NUMBER_SIZE), number(value)]);
}

function frameHeader(tag: string, length: number): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_SIZE);
  header.write(tag, 'latin1');
  header.writeUInt32BE(length, 4);
  return header;
}

function number(value: bigint): Buffer {
  const bytes = Buffer.alloc(NUMBER_SIZE);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
