import { Buffer } from 'node:buffer';

/** IPFIX messages by hand, for what no exporter would send. Nothing here is shared with the code under test. */

export const VARIABLE = 65535;

/** Information element id, length, private enterprise number. */
export type Specifier = readonly [id: number, length: number, enterprise?: number];

export const u8 = (value: number): Buffer => Buffer.from([value]);
export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
export const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
export const u64 = (value: bigint): Buffer =>
  Buffer.concat([u32(Number(BigInt.asUintN(64, value) >> 32n)), u32(Number(value & 0xffffffffn))]);
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
/** Content behind its length in one octet. */
export const short = (content: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(content as Uint8Array);
  return Buffer.concat([u8(bytes.length), bytes]);
};
/** Content behind its length in three octets. */
export const long = (content: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(content as Uint8Array);
  return Buffer.concat([u8(255), u16(bytes.length), bytes]);
};

export interface Header {
  exportTime?: number;
  sequence?: number;
  domain?: number;
}

export const EXPORT_TIME = 1_780_000_000; // 2026-05-28T20:26:40Z

export function message(header: Header, ...sets: Uint8Array[]): Buffer {
  const body = Buffer.concat(sets);
  const { exportTime = EXPORT_TIME, sequence = 0, domain = 1 } = header;
  return Buffer.concat([u16(10), u16(16 + body.length), u32(exportTime), u32(sequence), u32(domain), body]);
}

export function set(id: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([u16(id), u16(4 + body.length), body]);
}

export function templateRecord(id: number, ...fields: Specifier[]): Buffer {
  return Buffer.concat([u16(id), u16(fields.length), ...fields.map(specifier)]);
}

export function templateSet(id: number, ...fields: Specifier[]): Buffer {
  return set(2, templateRecord(id, ...fields));
}

export function optionsTemplateSet(id: number, scopes: number, ...fields: Specifier[]): Buffer {
  return set(3, u16(id), u16(fields.length), u16(scopes), ...fields.map(specifier));
}

function specifier([id, length, enterprise]: Specifier): Buffer {
  return enterprise === undefined
    ? Buffer.concat([u16(id), u16(length)])
    : Buffer.concat([u16(id | 0x8000), u16(length), u32(enterprise)]);
}
