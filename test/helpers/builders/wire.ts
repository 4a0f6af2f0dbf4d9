import { decodeMessage } from '../../../src/collector/decode/decode.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';

/** A set as its header says it. */
export interface WireSet {
  readonly id: number;
  readonly content: Buffer;
}

/** A message taken apart by hand, RFC 7011 section 3. */
export interface WireMessage {
  readonly version: number;
  readonly length: number;
  readonly exportTime: number;
  readonly sequence: number;
  readonly observationDomain: number;
  readonly sets: readonly WireSet[];
}

export function readMessage(bytes: Buffer): WireMessage {
  const sets: WireSet[] = [];
  for (let at = 16; at < bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    if (length < 4 || at + length > bytes.length) throw new Error(`a set of ${length} bytes at ${at}`);
    sets.push({ id: bytes.readUInt16BE(at), content: bytes.subarray(at + 4, at + length) });
    at += length;
  }
  return {
    version: bytes.readUInt16BE(0),
    length: bytes.readUInt16BE(2),
    exportTime: bytes.readUInt32BE(4),
    sequence: bytes.readUInt32BE(8),
    observationDomain: bytes.readUInt32BE(12),
    sets,
  };
}

/** A template record taken apart by hand. */
export interface WireTemplate {
  readonly id: number;
  /** Only in an options template. */
  readonly scopes: number | undefined;
  /** Element id with its enterprise bit, length, and the enterprise number where the bit is set. */
  readonly fields: readonly { id: number; length: number; enterprise: number | undefined }[];
}

/** The template records of a set with id 2 or 3. */
export function readTemplates(set: WireSet): WireTemplate[] {
  const templates: WireTemplate[] = [];
  const { content } = set;
  for (let at = 0; at < content.length;) {
    const id = content.readUInt16BE(at);
    const count = content.readUInt16BE(at + 2);
    at += 4;
    const scopes = set.id === 3 ? content.readUInt16BE(at) : undefined;
    if (set.id === 3) at += 2;
    const fields = Array.from({ length: count }, () => {
      const raw = content.readUInt16BE(at);
      const length = content.readUInt16BE(at + 2);
      const enterprise = raw & 0x8000 ? content.readUInt32BE(at + 4) : undefined;
      at += enterprise === undefined ? 4 : 8;
      return { id: raw & 0x7fff, length, enterprise };
    });
    templates.push({ id, scopes, fields });
  }
  return templates;
}

/** A collector of one transport session. @throws where a message is malformed or cannot be decoded whole */
export class Decoder {
  readonly stats = newStats();
  readonly #session: TransportSession;

  constructor(protocol: 'udp' | 'tcp' = 'udp') {
    this.#session = new TransportSession('test', protocol, this.stats);
  }

  decode(messages: readonly { bytes: Uint8Array }[]): CollectedRecord[] {
    const records = messages.flatMap(({ bytes }) => [...decodeMessage(bytes, this.#session).records]);
    const { undecodableSets, malformedMessages, reservedSets, conflictingTemplates, sequenceLost } = this.stats;
    if (undecodableSets + malformedMessages + reservedSets + conflictingTemplates + sequenceLost > 0) {
      throw new Error(`not decoded whole: ${JSON.stringify(this.stats)}`);
    }
    return records;
  }
}

/** Values by element name, times as milliseconds; an element that occurs twice keeps its last value. */
export function valuesOf(record: Pick<CollectedRecord, 'fields'>): Record<string, unknown> {
  return Object.fromEntries(
    record.fields.map(({ element, value }) => [
      element.name,
      typeof value === 'object' && 'nanoseconds' in value ? value.seconds * 1000 + value.nanoseconds / 1e6 : value,
    ]),
  );
}
