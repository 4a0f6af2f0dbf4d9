import { isIPv6 } from 'node:net';
import { SocketAddress } from 'node:net';

/** A packet of one direction of a flow: what follows its IP header, and how many octets of payload. */
interface Packet {
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  readonly transport: Buffer;
}

const [CLIENT, SERVER, CLIENT6, SERVER6] = ['192.0.2.10', '198.51.100.20', '2001:db8::10', '2001:db8::20'];
const ETHERNET = Buffer.from('0200000000020200000000010800', 'hex');

/** Known traffic as a capture of Ethernet frames: a TCP connection, an exchange over UDP and IPv6, a ping; a second for each packet. */
export function trafficCapture(start = 1_764_000_000): Buffer {
  const tcp = (client: boolean, flags: number, payload = 0): Packet => ({
    ...(client ? { from: CLIENT, to: SERVER } : { from: SERVER, to: CLIENT }),
    protocol: 6,
    transport: tcpSegment(client ? [40_001, 443] : [443, 40_001], flags, payload),
  });
  const udp = (client: boolean, payload: number): Packet => ({
    ...(client ? { from: CLIENT6, to: SERVER6 } : { from: SERVER6, to: CLIENT6 }),
    protocol: 17,
    transport: datagram(client ? [40_002, 53] : [53, 40_002], payload),
  });
  const packets = [
    tcp(true, 0x02),
    tcp(false, 0x12),
    tcp(true, 0x10),
    tcp(true, 0x18, 100),
    tcp(false, 0x18, 1_000),
    udp(true, 33),
    udp(false, 444),
    udp(true, 55),
    tcp(true, 0x11),
    tcp(false, 0x11),
    tcp(true, 0x10),
  ];
  const file = Buffer.alloc(24);
  file.writeUInt32LE(0xa1b2c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt16LE(4, 6);
  file.writeUInt32LE(0x40000, 16);
  file.writeUInt32LE(1, 20);
  const frames = packets.map((packet, i) => {
    const bytes = frame(packet);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(start + i, 0);
    head.writeUInt32LE(bytes.length, 8);
    head.writeUInt32LE(bytes.length, 12);
    return Buffer.concat([head, bytes]);
  });
  return Buffer.concat([file, ...frames]);
}

function frame({ from, to, protocol, transport }: Packet): Buffer {
  const ethernet = Buffer.from(ETHERNET);
  if (!isIPv6(from)) {
    const ip = Buffer.alloc(20);
    ip[0] = 0x45;
    ip.writeUInt16BE(20 + transport.length, 2);
    ip[8] = 64;
    ip[9] = protocol;
    ip.set(from.split('.').map(Number), 12);
    ip.set(to.split('.').map(Number), 16);
    ip.writeUInt16BE(checksum(ip), 10);
    return Buffer.concat([ethernet, ip, transport]);
  }
  ethernet.writeUInt16BE(0x86dd, 12);
  const ip = Buffer.alloc(40);
  ip[0] = 0x60;
  ip.writeUInt16BE(transport.length, 4);
  ip[6] = protocol;
  ip[7] = 64;
  ip.set(octets6(from), 8);
  ip.set(octets6(to), 24);
  return Buffer.concat([ethernet, ip, transport]);
}

function tcpSegment([source, destination]: readonly number[], flags: number, payload: number): Buffer {
  const segment = Buffer.alloc(20 + payload);
  segment.writeUInt16BE(source, 0);
  segment.writeUInt16BE(destination, 2);
  segment[12] = 5 << 4;
  segment[13] = flags;
  return segment;
}

function datagram([source, destination]: readonly number[], payload: number): Buffer {
  const bytes = Buffer.alloc(8 + payload);
  bytes.writeUInt16BE(source, 0);
  bytes.writeUInt16BE(destination, 2);
  bytes.writeUInt16BE(bytes.length, 4);
  return bytes;
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
}

function octets6(text: string): number[] {
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const [head, tail = ''] = address.split('::');
  const groups = (part: string): string[] => part.split(':').filter(Boolean);
  const gap = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  return [...groups(head), ...gap, ...groups(tail)].flatMap(group => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
