import type { Batch } from '../../row/batch.js';
import { ORIGINAL } from '../../row/direction.js';
import * as row from '../../row/layout.generated.js';
import { stateName } from '../../row/row-view.js';
import { nanosecondsToMilliseconds, readNumber } from '../../common/u64.js';

/** What is compared of a row; undefined where it is not known. */
type Key = number | string | undefined;

/** Which of two rows comes first: below 0 for the first one. */
export type Order = (a: Batch, i: number, b: Batch, j: number) => number;

const HAS_COUNTERS = row.HAS_ORIG_COUNTERS | row.HAS_REPLY_COUNTERS;
const ADDRESS_SIZE = 16;

/** Orders by name. Counters: the largest first; a counter above 2^53 is compared to the nearest number that a double has. */
const ORDERS = {
  bytes: falling(sum(HAS_COUNTERS, row.ORIG_OCTETS_WORD, row.REPLY_OCTETS_WORD)),
  packets: falling(sum(HAS_COUNTERS, row.ORIG_PACKETS_WORD, row.REPLY_PACKETS_WORD)),
  // the oldest first: the smallest start
  age: rising((batch, i) => {
    const from = i * row.ROW_WORDS;
    if (!has(batch, i, row.HAS_START | row.HAS_START_ESTIMATE)) return undefined;
    return nanosecondsToMilliseconds(batch.u32[from + row.START_NS_WORD], batch.u32[from + row.START_NS_WORD + 1]);
  }),
  timeout: rising((batch, i) =>
    has(batch, i, row.HAS_TIMEOUT) ? batch.u32[i * row.ROW_WORDS + row.TIMEOUT_WORD] : undefined,
  ),
  state: rising((batch, i) =>
    stateName(batch.u32[i * row.ROW_WORDS + row.PRESENT_WORD], batch.bytes[i * row.ROW_SIZE + row.STATE]),
  ),
  protocol: rising((batch, i) => batch.bytes[i * row.ROW_SIZE + row.PROTOCOL]),
  src: byAddress(ORIGINAL.source, ORIGINAL.sourcePort),
  dst: byAddress(ORIGINAL.destination, ORIGINAL.destinationPort),
} satisfies Record<string, (sign: 1 | -1) => Order>;

export type OrderName = keyof typeof ORDERS;
export const ORDER_NAMES = Object.keys(ORDERS) as readonly OrderName[];

/** @param reverse the other way round, but for what is not known */
export function orderBy(name: OrderName, reverse = false): Order {
  return ORDERS[name](reverse ? -1 : 1);
}

function has(batch: Batch, i: number, flags: number): boolean {
  return (batch.u32[i * row.ROW_WORDS + row.PRESENT_WORD] & flags) !== 0;
}

/** Two counters together; one that a row does not have is 0 in it. */
function sum(flags: number, one: number, other: number): (batch: Batch, i: number) => Key {
  return (batch, i) => {
    if (!has(batch, i, flags)) return undefined;
    const from = i * row.ROW_WORDS;
    return readNumber(batch.u32, from + one) + readNumber(batch.u32, from + other);
  };
}

/** What is not known comes last. */
function rising(key: (batch: Batch, i: number) => Key): (sign: number) => Order {
  return sign => (a, i, b, j) => {
    const one = key(a, i);
    const other = key(b, j);
    if (one === other) return 0;
    if (one === undefined) return 1;
    if (other === undefined) return -1;
    return one < other ? -sign : sign;
  };
}

function falling(key: (batch: Batch, i: number) => Key): (sign: number) => Order {
  return sign => rising(key)(-sign);
}

/** IPv4 before IPv6, then the address, then the port. */
function byAddress(address: number, port: number): (sign: number) => Order {
  return sign => (a, i, b, j) => sign * difference(a, i, b, j);

  function difference(a: Batch, i: number, b: Batch, j: number): number {
    const [from, other] = [i * row.ROW_SIZE, j * row.ROW_SIZE];
    const families = a.bytes[from + row.FAMILY] - b.bytes[other + row.FAMILY];
    if (families !== 0) return families;
    for (let k = address; k < address + ADDRESS_SIZE; k++) {
      const differs = a.bytes[from + k] - b.bytes[other + k];
      if (differs !== 0) return differs;
    }
    return a.u16[(from + port) >> 1] - b.u16[(other + port) >> 1];
  }
}
