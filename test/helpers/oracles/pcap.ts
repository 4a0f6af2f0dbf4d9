/** UDP payloads as a packet capture (libpcap format, LINKTYPE_RAW), each from port to port on loopback. */
export function pcap(payloads: readonly Uint8Array[], port: number): Buffer {
  const file = Buffer.alloc(24);
  file.writeUInt32LE(0xa1b2c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt16LE(4, 6);
  file.writeUInt32LE(0x40000, 16);
  file.writeUInt32LE(101, 20);
  return Buffer.concat([file, ...payloads.flatMap((payload, index) => [...packet(payload, port, index)])]);
}

function* packet(payload: Uint8Array, port: number, seconds: number): Iterable<Uint8Array> {
  const headers = Buffer.alloc(16 + 20 + 8);
  const length = 28 + payload.length;
  headers.writeUInt32LE(seconds, 0);
  headers.writeUInt32LE(length, 8);
  headers.writeUInt32LE(length, 12);
  const ip = headers.subarray(16);
  ip[0] = 0x45;
  ip.writeUInt16BE(length, 2);
  ip[8] = 64;
  ip[9] = 17;
  ip.writeUInt32BE(0x7f000001, 12);
  ip.writeUInt32BE(0x7f000001, 16);
  const udp = ip.subarray(20);
  udp.writeUInt16BE(port, 0);
  udp.writeUInt16BE(port, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  yield headers;
  yield payload;
}
