/** Octets of a recording in front of its frames. */
export const RECORDING_HEADER = Buffer.from('\x89CTFLOW\n\0\x01\x01\0', 'latin1');

/** All netlink of a recording, as a little-endian kernel has sent it. */
export function netlinkOf(recording: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = RECORDING_HEADER.length; at + 8 <= recording.length;) {
    const length = recording.readUInt32BE(at + 4);
    if (recording.toString('latin1', at, at + 4) === 'DATA') pieces.push(recording.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces);
}

/** Its messages, one by one. */
export function messagesOf(netlink: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 16 <= netlink.length;) {
    const length = Math.max(netlink.readUInt32LE(at), 16);
    messages.push(netlink.subarray(at, at + length));
    at += (length + 3) & ~3;
  }
  return messages;
}
