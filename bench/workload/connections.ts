import { Batch } from '../../src/row/batch.js';
import * as row from '../../src/row/layout.generated.js';
import { hashTuple } from '../../src/row/tuple-hash.js';
import { ping, tcp, udp } from '../../test/helpers/builders/connections.js';
import { rows, type Facts } from '../../test/helpers/builders/rows.js';
import type { MeasuredFamily } from '../results/results.js';

/** When the first connection began, milliseconds since 1970. */
export const EPOCH = 1_700_000_000_000;
/** Packets and octets that one round of traffic adds in each direction. */
const PACKETS_A_ROUND = 7;
const OCTETS_A_PACKET = 640;
/** Ports of one client that are used before the next client's. */
const PORTS_A_CLIENT = 16_384;
const FIRST_PORT = 20_000;
const NANOSECONDS_A_MILLISECOND = 1_000_000;
const IPS_SRC_NAT = 1 << 4;
const TWO_16 = 2 ** 16;
const TWO_32 = 2 ** 32;

/**
 * Connections by number, as rows: the same number is always the same connection. Of twenty there are twelve of TCP, one of
 * them behind source NAT, six of UDP and two pings, as a dump of a busy host mixes them.
 */
export class Connections {
  readonly #kinds: readonly Batch[];
  readonly #one = new Batch(1);

  constructor(family: MeasuredFamily) {
    this.#kinds = kinds(family).map(facts => rows(facts));
  }

  /**
   * Writes the row of a connection.
   * @param rounds of traffic that it has had
   */
  write(number: number, rounds: number, into: Batch, at: number): void {
    const kind = this.#kinds[number % this.#kinds.length];
    const { bytes, u16, u32 } = this.#one;
    bytes.set(kind.bytes);
    const client = Math.floor(number / PORTS_A_CLIENT);
    const port = FIRST_PORT + (number % PORTS_A_CLIENT);
    const translated = (u32[row.STATUS_WORD] & IPS_SRC_NAT) !== 0;
    // the last four bytes of an IPv6 address, or the whole IPv4 address, in network order
    const last = bytes[row.FAMILY] === 10 ? 12 : 0;
    bytes[row.ORIG_SRC + last + 2] = client >>> 8;
    bytes[row.ORIG_SRC + last + 3] = client;
    if (!translated) bytes.copyWithin(row.REPLY_DST, row.ORIG_SRC, row.ORIG_DST);
    if (u32[row.PRESENT_WORD] & row.HAS_ICMP) u16[row.REPLY_SPORT >> 1] = port;
    else u16[row.REPLY_DPORT >> 1] = port;
    u16[row.ORIG_SPORT >> 1] = port;
    u32[row.ID_WORD] = Math.imul(number + 1, 2654435761);
    writeNanoseconds(u32, row.START_NS_WORD, EPOCH + (number % 86_400_000));
    addRounds(u32, 0, rounds);
    hashTuple(this.#one);
    into.bytes.set(bytes, at * row.ROW_SIZE);
  }

  /** Rows of the connections with these numbers, in batches as a source hands them over. */
  batches(numbers: ArrayLike<number>, rounds: number, rowsABatch: number): Batch[] {
    const batches: Batch[] = [];
    for (let from = 0; from < numbers.length; from += rowsABatch) {
      const batch = new Batch(rowsABatch);
      batch.count = Math.min(rowsABatch, numbers.length - from);
      for (let i = 0; i < batch.count; i++) this.write(numbers[from + i], rounds, batch, i);
      batches.push(batch);
    }
    return batches;
  }
}

/** Lets a row count more traffic. @param at its first word */
export function addRounds(u32: Uint32Array, at: number, rounds: number): void {
  const packets = rounds * PACKETS_A_ROUND;
  add(u32, at + row.ORIG_PACKETS_WORD, packets);
  add(u32, at + row.ORIG_OCTETS_WORD, packets * OCTETS_A_PACKET);
  add(u32, at + row.REPLY_PACKETS_WORD, packets);
  add(u32, at + row.REPLY_OCTETS_WORD, packets * OCTETS_A_PACKET);
}

function add(u32: Uint32Array, word: number, amount: number): void {
  const sum = u32[word] + amount;
  u32[word] = sum;
  if (sum >= TWO_32) u32[word + 1]++;
}

function kinds(family: MeasuredFamily): Facts[] {
  const v6 = family === 'ipv6';
  const ends = v6
    ? { source: '2001:db8:1::', destination: '2001:db8:2::35' }
    : { source: '10.1.0.0', destination: '198.51.100.35' };
  const behind = v6 ? { replyDestination: '2001:db8:3::1' } : { replyDestination: '203.0.113.9' };
  const none = [0, 0, 0, 0] as const;
  const tcps = Array.from({ length: 11 }, () => tcp(0, EPOCH, none, { ...ends, tcpFlags: 0 }));
  const nat = tcp(0, EPOCH, none, { ...ends, ...behind, tcpFlags: 0, status: 0x1e | IPS_SRC_NAT });
  const udps = Array.from({ length: 6 }, () => udp(0, EPOCH, none, ends));
  const echo = v6
    ? { protocol: 58, icmp: { type: 128, code: 0, id: 0, replyType: 129 } }
    : { protocol: 1, icmp: { type: 8, code: 0, id: 0, replyType: 0 } };
  const pings = Array.from({ length: 2 }, () => ping(0, EPOCH, none, { ...ends, ...echo }));
  return mixed([...tcps, nat, ...udps, ...pings]);
}

/** Every seventh of the list, round and round: as many of each, and no two alike for long. */
function mixed<T>(list: readonly T[]): T[] {
  return list.map((_, i) => list[(i * 7) % list.length]);
}

/** Exact, without a number above 2^53: milliseconds in two halves. */
function writeNanoseconds(u32: Uint32Array, at: number, milliseconds: number): void {
  const low = (milliseconds % TWO_16) * NANOSECONDS_A_MILLISECOND;
  const high = Math.floor(milliseconds / TWO_16) * NANOSECONDS_A_MILLISECOND;
  const sum = (high % TWO_16) * TWO_16 + low;
  u32[at] = sum % TWO_32;
  u32[at + 1] = Math.floor(high / TWO_16) + Math.floor(sum / TWO_32);
}
