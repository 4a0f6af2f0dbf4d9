import { Buffer } from 'node:buffer';

const HEADER = 16;

/** Versions and lengths of IPFIX messages and of their sets that add up, from an octet on. */
export function mendMessages(input: Uint8Array, from: number): Uint8Array {
  const bytes = Buffer.from(input);
  for (let at = from; at + HEADER <= bytes.length;) {
    const said = bytes.readUInt16BE(at + 2);
    const end = said >= HEADER && at + said <= bytes.length ? at + said : bytes.length;
    bytes.writeUInt16BE(10, at);
    bytes.writeUInt16BE(Math.min(end - at, 0xffff), at + 2);
    for (let set = at + HEADER; set + 4 <= end;) {
      const length = bytes.readUInt16BE(set + 2);
      if (length >= 4 && set + length <= end) {
        set += length;
        continue;
      }
      bytes.writeUInt16BE(Math.min(end - set, 0xffff), set + 2);
      break;
    }
    at = end;
  }
  return bytes;
}
