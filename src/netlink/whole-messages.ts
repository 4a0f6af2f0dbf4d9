const NLMSGHDR_SIZE = 16;
const LARGEST_MESSAGE = 1 << 20; // the kernel's are 32 KiB at most

/**
 * How much of the bytes are whole netlink messages, padding included. `lost`: the message at `end` has a length that no
 * message has, so where the next one begins is unknown.
 */
export function wholeMessages(netlink: Uint8Array, littleEndian: boolean): { end: number; lost: boolean } {
  const view = new DataView(netlink.buffer, netlink.byteOffset, netlink.byteLength);
  let end = 0;
  while (netlink.length - end >= NLMSGHDR_SIZE) {
    const length = view.getUint32(end, littleEndian);
    if (length < NLMSGHDR_SIZE || length > LARGEST_MESSAGE) return { end, lost: true };
    const span = (length + 3) & ~3;
    if (span > netlink.length - end) break;
    end += span;
  }
  return { end, lost: false };
}
