import { Buffer } from 'node:buffer';
import {
  be16,
  be32,
  be64,
  CLIENT,
  DELETE,
  DONE,
  encodeAttributes,
  message,
  NEW,
  SERVER,
  text,
} from '../helpers/builders/netlink-builder.js';
import { fixture } from './fixtures.js';
import { messagesOf, netlinkOf } from './recorded-netlink.js';

/** NLM_F_CREATE. */
const CREATE = 0x400;
/** NFULNL_MSG_PACKET, and the group that the target reads. */
const LOGGED = 0x0400;
const GROUP = 5;
const TCP = 6;

/** Ports 40000 and 443, and what follows them in a header of TCP. */
const TRANSPORT = Buffer.from('9c4001bb000000010000000250120000', 'hex');
const PACKETS = [
  ipv4(TCP, TRANSPORT),
  ipv4(17, TRANSPORT),
  ipv4(1, Buffer.from('0800000012340001', 'hex')),
  ipv4(17, TRANSPORT, 185),
  ipv6(TCP, TRANSPORT),
  ipv6(58, Buffer.from('8000000012340001', 'hex')),
  // hop-by-hop and destination options, routing, fragment and authentication header
  ipv6(
    0,
    Buffer.from('3c000104000000002b000104000000002c0000000000000033000001000000090601000000000000', 'hex'),
    TRANSPORT,
  ),
  ipv6(44, Buffer.from('110005a800000009', 'hex'), TRANSPORT),
  // a jumbo payload (RFC 2675)
  ipv6(0, Buffer.from('0600c20400011170', 'hex'), TRANSPORT).fill(0, 4, 6),
];

/** By the name of a target in crates/ctflow-core/fuzz. */
export const RUST_SEEDS = {
  events: () =>
    recorded('rich').flatMap(bytes =>
      [
        [NEW, CREATE],
        [NEW, 0],
        [DELETE, 0],
      ].map(([type, flags]) => message(type, flags, bytes.subarray(16))),
    ),
  netlink: () => {
    const messages = recorded('rich');
    // little-endian; big-endian; behind a filter for IPv4
    const filter = Buffer.alloc(65);
    filter.set([2, 2]);
    return [
      ...[...messages, Buffer.concat(messages)].map(bytes => Buffer.concat([Buffer.of(0), bytes])),
      Buffer.concat([Buffer.of(1), netlinkOf(Buffer.from(fixture('big-endian.ctflow')))]),
      Buffer.concat([filter, ...messages]),
    ];
  },
  nflog: () => {
    const packets = PACKETS.map((packet, i) => logged(i, packet));
    return [...packets, Buffer.concat([...packets, message(DONE, 0, Buffer.alloc(0))])];
  },
  packet: () => PACKETS.map(packet => Buffer.concat([Buffer.of(28), packet])),
  sockets: () => {
    const messages = [diag(2, 40_000, 1n), diag(2, 40_001), diag(10, 40_000, 1n << 40n), diag(10, 40_002)];
    const framed = messages.map(bytes => Buffer.concat([Buffer.of(bytes.length), bytes]));
    return [0, 1].map(protocol => Buffer.concat([Buffer.of(protocol), ...framed]));
  },
} satisfies Readonly<Record<string, () => readonly Uint8Array[]>>;

/** struct inet_diag_msg, and INET_DIAG_CGROUP_ID where there is one. */
function diag(family: number, port: number, cgroup?: bigint): Buffer {
  const bytes = Buffer.alloc(cgroup === undefined ? 72 : 84);
  bytes[0] = family;
  bytes.writeUInt16BE(port, 4);
  bytes.writeUInt16BE(443, 6);
  bytes.set(CLIENT, 8);
  bytes.set(SERVER, 24);
  bytes.writeUInt32LE(port, 44);
  bytes.writeUInt32LE(1000, 64);
  bytes.writeUInt32LE(4711, 68);
  if (cgroup !== undefined) {
    bytes.writeUInt32LE(12 | (21 << 16), 72);
    bytes.writeBigUInt64LE(cgroup, 76);
  }
  return bytes;
}

function recorded(name: string): Buffer[] {
  return messagesOf(netlinkOf(Buffer.from(fixture(`${name}.ctflow`))));
}

/** As the kernel sends it of the forward hook. */
function logged(sequence: number, packet: Buffer): Buffer {
  const attributes = encodeAttributes([
    [1, Buffer.of(8, 0, 2, 0)],
    [10, text('ctflow:drop:in:shop/web:ssh')],
    [3, Buffer.concat([be64(1_700_000_000n), be64(5n)])],
    [9, packet],
    [12, be32(sequence)],
  ]);
  return message(LOGGED, 0, Buffer.concat([Buffer.of(2, 0), be16(GROUP), attributes]));
}

/** A packet of 1,000 octets of which this was captured. */
function ipv4(protocol: number, inner: Buffer, fragment = 0): Buffer {
  const header = Buffer.concat([Buffer.of(0x45, 0, 3, 232, 0, 0), be16(fragment), Buffer.of(64, protocol, 0, 0)]);
  return Buffer.concat([header, CLIENT, SERVER, inner]);
}

function ipv6(next: number, ...inner: readonly Buffer[]): Buffer {
  const address = Buffer.from('20010db8000000000000000000000001', 'hex');
  return Buffer.concat([Buffer.of(0x60, 0, 0, 0, 0, 100, next, 64), address, address, ...inner]);
}
