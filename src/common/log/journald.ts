import { parseEntry, PRIORITIES, readable, text, type Entry, type LogSink } from './entry.js';

/** Sends a Unix datagram and does not wait. @returns 0, or an errno */
export type SendUnixDatagram = (address: string, bytes: Uint8Array, byMemfd: boolean) => number;

export const JOURNALD = '/run/systemd/journal/socket';
/** journald takes names of so many characters (journal_field_valid). */
const LONGEST_NAME = 64;

/**
 * The log in journald's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), an entry a datagram: MESSAGE, PRIORITY,
 * SYSLOG_IDENTIFIER, and each field as CTFLOW_NAME; objects are JSON. Where its socket does not take one, as it is full, or there is
 * nothing to send with, standard error has a line with the level in front, and journald reads that.
 */
export class JournaldSink {
  readonly #send: () => SendUnixDatagram | undefined;
  readonly #standardError: LogSink;
  readonly #address: string;

  constructor(send: () => SendUnixDatagram | undefined = () => undefined, standardError: LogSink, address = JOURNALD) {
    this.#send = send;
    this.#standardError = standardError;
    this.#address = address;
  }

  write(line: string): void {
    const entry = parseEntry(line);
    const send = this.#send();
    if (send?.(this.#address, journalEntry(entry), true) !== 0) this.#standardError.write(withPriority(entry));
  }

  set onRoom(said: (dropped: number) => void) {
    this.#standardError.onRoom = said;
  }
}

/** Lines for standard error as journald reads it: `<4>` in front says the level (sd-daemon(3)). */
function withPriority(entry: Entry): string {
  const prefix = `<${PRIORITIES[entry.level]}>`;
  return `${readable(entry).replaceAll(/^/gm, prefix)}\n`;
}

function journalEntry(entry: Entry): Uint8Array {
  const fields = [
    ['MESSAGE', readable(entry)],
    ['PRIORITY', String(PRIORITIES[entry.level])],
    ['SYSLOG_IDENTIFIER', 'ctflow'],
    ...entry.fields.map(([name, value]) => [fieldName(name), text(value)]),
  ];
  return Buffer.concat(fields.map(([name, value]) => journalField(name, value)));
}

/** `receiveBuffer` is CTFLOW_RECEIVE_BUFFER. */
function fieldName(name: string): string {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').replaceAll(/[^A-Za-z0-9]/g, '_');
  return `CTFLOW_${words.toUpperCase()}`.slice(0, LONGEST_NAME);
}

/** A value of several lines has its length before it: 64 bits, little endian. */
function journalField(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}
