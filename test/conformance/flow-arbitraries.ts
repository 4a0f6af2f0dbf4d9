import * as fc from 'fast-check';
import { FROM_HOST, TO_HOST, type FlowExtras } from '../../src/encoder/columns.js';
import type { Names } from '../../src/encoder/request.js';
import { AF_INET, AF_INET6 } from '../../src/row/protocol.js';
import {
  FAMILY,
  HASH,
  ORIG_DST,
  ORIG_PACKETS_WORD,
  ORIG_SPORT,
  ORIG_SRC,
  PRESENT_WORD,
  PROTOCOL,
  REPLY_DPORT,
  REPLY_DST,
  REPLY_SPORT,
  REPLY_SRC,
  ROW_SIZE,
  ROW_WORDS,
  STATE,
} from '../../src/row/layout.generated.js';
import { ConnectionTable } from '../../src/store/connection-table.js';
import { u32s } from './plan-arbitraries.js';

/** Connections of a table. */
export const SLOTS = 4;

interface Row {
  readonly bytes: Uint8Array;
  readonly v6: boolean;
  readonly translated: boolean;
  readonly present: number;
  readonly start: number;
  readonly end: number;
  /** Flags of which end is this host. */
  readonly local: number;
  /** The counters were set to zero after these. */
  readonly zeroed: readonly number[] | null;
}

const row: fc.Arbitrary<Row> = fc.record({
  bytes: fc.uint8Array({ minLength: ROW_SIZE, maxLength: ROW_SIZE }),
  v6: fc.boolean(),
  translated: fc.boolean(),
  // most flags, or any
  present: fc.oneof(fc.nat(0x7f_ffff), fc.constantFrom(0x7f_ffff, 0x1381, 0x53ff)),
  start: fc.oneof(fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 53 - 1 })),
  end: fc.integer({ min: 0, max: 2 ** 53 - 1 }),
  local: fc.constantFrom(0, FROM_HOST, TO_HOST),
  zeroed: fc.option(fc.array(u32s, { minLength: 8, maxLength: 8 }), { freq: 3 }),
});

/** A row as the kernel's are, where an encoder relies on it. */
function tidy({ bytes, v6, translated, present }: Row): Uint32Array {
  const one = Uint8Array.from(bytes);
  one[FAMILY] = v6 ? AF_INET6 : AF_INET;
  one[PROTOCOL] = [6, 17, 1, 58, 132][bytes[PROTOCOL] % 5];
  one[STATE] = bytes[STATE] % 13;
  if (!v6) for (const at of [ORIG_SRC, ORIG_DST, REPLY_SRC, REPLY_DST]) one.fill(0, at + 4, at + 16);
  if (!translated) {
    one.copyWithin(REPLY_SRC, ORIG_DST, ORIG_DST + 16);
    one.copyWithin(REPLY_DST, ORIG_SRC, ORIG_SRC + 16);
    one.copyWithin(REPLY_SPORT, ORIG_SPORT + 2, ORIG_SPORT + 4);
    one.copyWithin(REPLY_DPORT, ORIG_SPORT, ORIG_SPORT + 2);
  }
  // counters of every size
  for (let at = HASH + 4; at < HASH + 36; at += 4) if (bytes[at] % 3 === 0) one.fill(0, at, at + 4);
  const words = new Uint32Array(one.buffer);
  words[PRESENT_WORD] = present;
  return words;
}

export interface FlowTable {
  readonly rows: readonly Row[];
  readonly extras: FlowExtras;
  readonly names: Names;
}

/** Tables of names, some of them wrong about themselves. */
const names: fc.Arbitrary<Names> = fc
  .tuple(
    fc.array(fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('', 'é', 'x'.repeat(254), 'x'.repeat(255))), {
      maxLength: 9,
    }),
    fc.option(fc.tuple(fc.nat(8), u32s)),
  )
  .map(([texts, wrong]) => {
    let end = 0;
    const ends = Uint32Array.from(texts, text => (end += Buffer.byteLength(text)));
    if (wrong && wrong[0] < ends.length) ends[wrong[0]] = wrong[1];
    return { bytes: new Uint8Array(Buffer.from(texts.join(''))), ends };
  });

const column = (most: number, width: number): fc.Arbitrary<number[]> =>
  fc.array(fc.oneof(fc.nat(most), fc.constant(0)), { minLength: SLOTS * width, maxLength: SLOTS * width });

const extras: fc.Arbitrary<FlowExtras> = fc
  .record({
    names: fc.option(fc.tuple(column(10, 7), column(255, 1))),
    states: fc.option(fc.oneof(column(0xffff_ffff, 1), column(0x0999_9999, 1))),
    interfaces: fc.option(column(0xffff_ffff, 2)),
    addressFacts: fc.option(fc.oneof(column(10, 6), column(0xffff_ffff, 6))),
    podFacts: fc.option(fc.oneof(column(10, 4), column(0xffff_ffff, 4))),
    owners: fc.option(fc.tuple(column(4, 2), fc.array(fc.nat(10), { minLength: 21, maxLength: 21 }))),
    rules: fc.option(fc.tuple(column(4, 1), fc.array(u32s, { minLength: 12, maxLength: 12 }))),
  })
  .map(({ names, states, rules, interfaces, owners, addressFacts, podFacts }) => ({
    ...(names && { names: Uint32Array.from(names[0]), types: Uint8Array.from(names[1]) }),
    ...(states && { states: Uint32Array.from(states) }),
    ...(interfaces && { interfaces: Uint32Array.from(interfaces) }),
    ...(owners && { owners: Uint32Array.from(owners[0]), ownerFacts: Uint32Array.from(owners[1]) }),
    ...(addressFacts && { addressFacts: Uint32Array.from(addressFacts) }),
    ...(podFacts && { podFacts: Uint32Array.from(podFacts) }),
    ...(rules && { rules: Uint16Array.from(rules[0]), ruleFacts: Uint32Array.from(rules[1]) }),
  }));

export const flowTables: fc.Arbitrary<FlowTable> = fc.record({
  rows: fc.array(row, { minLength: SLOTS, maxLength: SLOTS }),
  extras,
  names,
});

/** A store's table with these rows; made anew for each encoder. */
export function tableOf({ rows }: FlowTable): ConnectionTable {
  const table = new ConnectionTable(rows.length);
  for (const one of rows) {
    const words = tidy(one);
    const slot = table.allocate(words, 0);
    table.setStartMs(slot, one.start);
    table.setEndMs(slot, one.end);
    table.flags[slot] |= one.local;
    if (!one.zeroed) continue;
    const at = slot * ROW_WORDS + ORIG_PACKETS_WORD;
    const counters = table.rows.slice(at, at + 8);
    table.rows.set(one.zeroed, at);
    table.keepZeroed(slot);
    table.rows.set(counters, at);
  }
  return table;
}

/** What is done to an encoder and its table. */
export type Step =
  | {
      readonly do: 'encode';
      readonly slots: readonly number[];
      readonly reasons: readonly number[];
      readonly limit: number;
    }
  | { readonly do: 'count'; readonly slot: number; readonly word: number; readonly to: number }
  | { readonly do: 'reserve'; readonly bytes: number }
  | { readonly do: 'close' }
  | { readonly do: 'send' };

const limits = fc.oneof(
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1500 }) },
  { weight: 4, arbitrary: fc.constantFrom(484, 1400, 1400, 1500) },
  { weight: 1, arbitrary: fc.constantFrom(0, 20, 21, 100) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.array(fc.tuple(fc.nat(SLOTS - 1), fc.constantFrom(0, 1, 2, 3, 4, 5, 0x81, 0x85)), { maxLength: 12 }),
        limits,
      )
      .map(([list, limit]) => ({
        do: 'encode' as const,
        slots: list.map(([slot]) => slot),
        reasons: list.map(([, reason]) => reason),
        limit,
      })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('count' as const), slot: fc.nat(SLOTS - 1), word: fc.nat(7), to: u32s }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reserve' as const), bytes: fc.constantFrom(0, 4, 60, 600, 0xffff_ffff) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'send' as const }) },
);

export const scripts: fc.Arbitrary<readonly Step[]> = fc.array(step, { minLength: 1, maxLength: 12 });
