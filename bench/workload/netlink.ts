import type { Batch } from '../../src/row/batch.js';
import * as row from '../../src/row/layout.generated.js';
import { AF_INET6 } from '../../src/row/protocol.js';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import { readBigInt } from '../../src/common/u64.js';
import {
  addresses,
  answer,
  be16,
  be32,
  be64,
  DONE,
  entry,
  ports,
  u8,
  type Attribute,
} from '../../test/helpers/builders/netlink-builder.js';

/** The kernel fills at most so many bytes a read (netlink_dump in net/netlink/af_netlink.c). */
const READ_SIZE = 32 * 1024;
const IPPROTO_ICMPV6 = 58;

/**
 * The dump of these rows as the kernel sends it, accounting and timestamps on: whole messages, a read at a time, NLMSG_DONE
 * the last. The rows must be of the kinds of Connections.
 */
export function dumpOf(batches: readonly Batch[]): Uint8Array[] {
  const reads: Uint8Array[] = [];
  let read: Uint8Array[] = [];
  let length = 0;
  const put = (message: Uint8Array): void => {
    if (length + message.length > READ_SIZE) {
      reads.push(Buffer.concat(read));
      read = [];
      length = 0;
    }
    read.push(message);
    length += message.length;
  };
  for (const batch of batches) for (let i = 0; i < batch.count; i++) put(messageOf(batch, i));
  put(answer(DONE, 0, HOST_LITTLE_ENDIAN));
  reads.push(Buffer.concat(read));
  return reads;
}

/** Attributes in the order of ctnetlink_fill_info (net/netfilter/nf_conntrack_netlink.c). */
function messageOf(batch: Batch, index: number): Uint8Array {
  const { bytes, u32 } = batch;
  const at = index * row.ROW_SIZE;
  const word = (offset: number): number => u32[(at + offset) >> 2];
  const long = (offset: number): bigint => readBigInt(u32, (at + offset) >> 2);
  const family = bytes[at + row.FAMILY];
  const tcp = (word(row.PRESENT) & row.HAS_TCP_STATE) !== 0;
  const attributes: Attribute[] = [
    [1, tuple(batch, at, row.ORIG_SRC, row.ORIG_DST, row.ORIG_SPORT, row.ORIG_DPORT)],
    [2, tuple(batch, at, row.REPLY_SRC, row.REPLY_DST, row.REPLY_SPORT, row.REPLY_DPORT)],
    [3, be32(word(row.STATUS))],
    [7, be32(word(row.TIMEOUT))],
    [9, counters(long(row.ORIG_PACKETS), long(row.ORIG_OCTETS))],
    [10, counters(long(row.REPLY_PACKETS), long(row.REPLY_OCTETS))],
    [20, [[1, be64(long(row.START_NS))]]],
  ];
  if (tcp) attributes.push([4, [[1, tcpInfo(bytes[at + row.STATE])]]]);
  attributes.push([12, be32(word(row.ID))], [11, be32(1)]);
  return entry(family, attributes, HOST_LITTLE_ENDIAN);
}

function tuple(
  { bytes, u16, u32 }: Batch,
  at: number,
  source: number,
  destination: number,
  sourcePort: number,
  destinationPort: number,
): Attribute[] {
  const length = bytes[at + row.FAMILY] === AF_INET6 ? 16 : 4;
  const address = (offset: number): Uint8Array => bytes.subarray(at + offset, at + offset + length);
  const first = u16[(at + sourcePort) >> 1];
  const second = u16[(at + destinationPort) >> 1];
  const protocol = bytes[at + row.PROTOCOL];
  const icmp = (u32[(at + row.PRESENT) >> 2] & row.HAS_ICMP) !== 0;
  return [
    addresses(address(source), address(destination)),
    icmp ? echo(protocol, first, second) : ports(protocol, first, second),
  ];
}

/** CTA_TUPLE_PROTO of an echo: CTA_PROTO_ICMP_ID, _TYPE and _CODE, or those of ICMPv6. */
function echo(protocol: number, id: number, typeCode: number): Attribute {
  const first = protocol === IPPROTO_ICMPV6 ? 7 : 4;
  return [
    2,
    [
      [1, u8(protocol)],
      [first, be16(id)],
      [first + 1, u8(typeCode >> 8)],
      [first + 2, u8(typeCode & 0xff)],
    ],
  ];
}

function counters(packets: bigint, octets: bigint): Attribute[] {
  return [
    [1, be64(packets)],
    [2, be64(octets)],
  ];
}

/** CTA_PROTOINFO_TCP: state, window scales, flags of both directions. */
function tcpInfo(state: number): Attribute[] {
  return [
    [1, u8(state)],
    [2, u8(7)],
    [3, u8(7)],
    [4, Uint8Array.of(0, 0)],
    [5, Uint8Array.of(0, 0)],
  ];
}
