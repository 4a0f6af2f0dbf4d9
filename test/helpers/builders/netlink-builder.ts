// Netlink messages from parts, in either byte order.

/** Attribute type and payload; a list of attributes as payload is nested. */
export type Attribute = readonly [type: number, payload: Uint8Array | readonly Attribute[]];

export const NEW = 0x0100;
export const DELETE = 0x0102;
export const NOOP = 1;
export const ERROR = 2;
export const DONE = 3;
export const DUMP_INTR = 0x10;
const NLA_F_NESTED = 0x8000;

/** struct nlmsghdr and a payload, padded to four bytes. */
export function message(type: number, flags: number, payload: Uint8Array, littleEndian = true): Buffer {
  const bytes = Buffer.alloc((16 + payload.length + 3) & ~3);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, 16 + payload.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  view.setUint32(8, 1, littleEndian); // sequence; the port is 0
  bytes.set(payload, 16);
  return bytes;
}

/** A conntrack entry as in a dump. */
export function entry(family: number, attributes: readonly Attribute[], littleEndian = true, type = NEW): Buffer {
  const payload = Buffer.concat([Uint8Array.of(family, 0, 0, 0), encodeAttributes(attributes, littleEndian)]);
  return message(type, 2 /* NLM_F_MULTI */, payload, littleEndian);
}

/** NLMSG_DONE or NLMSG_ERROR with a number as the kernel puts it: 0 or a negative errno. */
export function answer(type: number, number: number, littleEndian = true): Buffer {
  const payload = Buffer.alloc(4);
  new DataView(payload.buffer, payload.byteOffset).setInt32(0, number, littleEndian);
  return message(type, 2, payload, littleEndian);
}

/** struct nlattr, one after another, each padded to four bytes. */
export function encodeAttributes(attributes: readonly Attribute[], littleEndian = true): Buffer {
  return Buffer.concat(
    attributes.map(([type, content]) => {
      const nested = !(content instanceof Uint8Array);
      const payload = nested ? encodeAttributes(content, littleEndian) : content;
      const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      view.setUint16(0, 4 + payload.length, littleEndian);
      view.setUint16(2, nested ? type | NLA_F_NESTED : type, littleEndian);
      bytes.set(payload, 4);
      return bytes;
    }),
  );
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

export function be32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function be64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`, 'latin1');
}

/** CTA_TUPLE_IP's attributes: 1 and 2 for IPv4, 3 and 4 for IPv6. */
export function addresses(source: Uint8Array, destination: Uint8Array): Attribute {
  const first = source.length === 4 ? 1 : 3;
  return [
    1,
    [
      [first, source],
      [first + 1, destination],
    ],
  ];
}

/** CTA_TUPLE_PROTO with ports. */
export function ports(protocol: number, source: number, destination: number): Attribute {
  return [
    2,
    [
      [1, u8(protocol)],
      [2, be16(source)],
      [3, be16(destination)],
    ],
  ];
}

export const CLIENT = Uint8Array.of(192, 0, 2, 2);
export const SERVER = Uint8Array.of(198, 51, 100, 2);

/** Both tuples of a TCP connection, CTA_TUPLE_ORIG and CTA_TUPLE_REPLY. */
export const TCP_TUPLES: readonly Attribute[] = [
  [1, [addresses(CLIENT, SERVER), ports(6, 40000, 443)]],
  [2, [addresses(SERVER, CLIENT), ports(6, 443, 40000)]],
];
