import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { DESTINATION_DEFAULTS } from '../../../src/destination/destination-options.js';
import { FileTransport, type FileTransportOptions } from '../../../src/transport/file.js';
import { message, set, templateSet, u32 } from '../builders/ipfix-builder.js';
import { TransportLog } from '../fakes/transport-log.js';

export const TEMPLATE = message({}, templateSet(256, [1, 4]));
/** A message with these values, one record each. */
export const data = (sequence: number, ...values: number[]): Buffer =>
  message({ sequence }, set(256, ...values.map(u32)));

/** As a session: each file begins with the template, and numbers its records from 0. */
export class FileSession extends TransportLog {
  readonly transport: FileTransport;
  #sequence = 0;

  constructor(path: string, options: Partial<FileTransportOptions> = {}) {
    super();
    const times = { retry: 20, longestRetry: 50 };
    this.transport = new FileTransport(
      { protocol: 'file', path },
      { ...DESTINATION_DEFAULTS, lock: () => true, ...options },
      times,
    );
  }

  static async open(t: ExecutionContext, path: string, options?: Partial<FileTransportOptions>): Promise<FileSession> {
    const session = new FileSession(path, options);
    t.teardown(() => session.transport.close(0));
    await session.transport.open(session);
    return session;
  }

  override opened(): void {
    const left = this.transport.takeBack();
    super.opened();
    this.#sequence = 0;
    this.#send(TEMPLATE, 0);
    for (const { bytes, records } of left) {
      if (records > 0)
        this.export(...Array.from({ length: records }, (_, i) => Buffer.from(bytes).readUInt32BE(20 + i * 4)));
    }
  }

  override emptyMessage(): Uint8Array {
    return message({});
  }

  /** One message with these values. */
  export(...values: number[]): void {
    this.#send(data(this.#sequence, ...values), values.length);
    this.#sequence += values.length;
  }

  #send(bytes: Uint8Array, records: number): void {
    this.transport.send(bytes, Uint32Array.of(bytes.length, records), 1);
  }
}

/** Files of the folder in the order of their names, the one that is written last. */
export function filesBeside(path: string): string[] {
  return readdirSync(dirname(path))
    .filter(name => name.endsWith('.ipfix'))
    .sort()
    .map(name => join(dirname(path), name));
}

/** The values of a file's records. @throws where it is not whole messages, templates first, numbered from 0 */
export function valuesIn(path: string): number[] {
  const bytes = readFileSync(path);
  const values: number[] = [];
  let known = false;
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) !== 10 || length < 16 || at + length > bytes.length)
      throw new Error(`octet ${at} of ${path}`);
    if (bytes.readUInt32BE(at + 8) !== values.length) throw new Error(`sequence number at octet ${at} of ${path}`);
    const id = length > 16 ? bytes.readUInt16BE(at + 16) : undefined;
    if (id === 2) known = true;
    else if (id === 256) {
      if (!known) throw new Error(`data without a template at octet ${at} of ${path}`);
      for (let value = at + 20; value < at + length; value += 4) values.push(bytes.readUInt32BE(value));
    }
    at += length;
  }
  return values;
}
