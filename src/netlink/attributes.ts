import { HOST_LITTLE_ENDIAN } from '../common/u64.js';

/** Bytes of struct nlattr. */
export const ATTRIBUTE_HEADER = 4;
const TYPE_MASK = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

/**
 * The header of a netlink attribute (struct nlattr) as one number, read with {@link lengthOf} and {@link typeOf}: a walk over
 * attributes makes no object, and keeps its place in variables of its own. Attributes begin at whole words (NLA_ALIGNTO).
 * @param word in this host's byte order; @param swapped the headers were written in the other one
 */
export function headerOf(word: number, swapped: boolean): number {
  const inOrder = swapped ? ((word & 0x00ff00ff) << 8) | ((word >>> 8) & 0x00ff00ff) : word;
  return HOST_LITTLE_ENDIAN ? inOrder : (inOrder << 16) | (inOrder >>> 16);
}

/** Bytes of the attribute, its header included and without padding. */
export function lengthOf(header: number): number {
  return header & 0xffff;
}

/** Type of the attribute, without flags. */
export function typeOf(header: number): number {
  return (header >>> 16) & TYPE_MASK;
}

/** Whether an attribute of this length can stand where so many bytes are left: it is no shorter than its header, and does not leave its run. */
export function fits(length: number, left: number): boolean {
  return length >= ATTRIBUTE_HEADER && length <= left;
}

/** Bytes from an attribute of this length to the next one. */
export function spanOf(length: number): number {
  return (length + 3) & ~3;
}
