import * as fc from 'fast-check';
import {
  EVENT,
  FIELDS_SIZE,
  HELPER,
  LABELS,
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_NTP,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  ORIG_PACKET_DELTA,
  REPLY_OCTET_DELTA,
  ROW_SIZE,
  SOURCE_POD_NAME,
  STATE,
  TCP_STATE_HISTORY,
} from '../../src/row/layout.generated.js';

type Instruction = readonly [operation: number, offset: number, length: number, argument: number];

export const u32s = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff));

/** Where `width` bytes lie that somebody has. */
const places = (width: number): fc.Arbitrary<number> =>
  fc.oneof(
    ...(width <= LABELS ? [fc.nat(LABELS - width)] : []),
    ...(width <= ROW_SIZE - EVENT ? [fc.integer({ min: EVENT, max: ROW_SIZE - width })] : []),
    fc.integer({ min: ROW_SIZE, max: FIELDS_SIZE - width }),
  );

function instruction(operation: number, width: number, ...lengths: number[]): fc.Arbitrary<Instruction> {
  return fc.tuple(fc.constant(operation), places(width), fc.constantFrom(...lengths), u32s);
}

const bytes = (most: number): fc.Arbitrary<Instruction> =>
  fc
    .integer({ min: 1, max: most })
    .chain(length => fc.tuple(fc.constant(OP_BYTES), places(length), fc.constant(length), u32s));

const text = fc
  .integer({ min: 1, max: 16 })
  .chain(length =>
    fc.tuple(fc.constant(OP_TEXT), fc.integer({ min: HELPER, max: HELPER + 16 - length }), fc.constant(length), u32s),
  );

const facts = (operation: number): fc.Arbitrary<Instruction> =>
  fc.tuple(fc.constant(operation), fc.integer({ min: ROW_SIZE, max: FIELDS_SIZE - 4 }), fc.constant(0), u32s);

const valid = fc.oneof(
  bytes(40),
  bytes(FIELDS_SIZE - ROW_SIZE),
  fc.tuple(fc.constant(OP_BYTES), places(16), fc.constantFrom(4, 16), u32s),
  instruction(OP_U8, 1, 1, 2, 4, 8),
  instruction(OP_U16, 2, 2, 4, 8),
  instruction(OP_U32, 4, 4, 8),
  instruction(OP_U64, 8, 8),
  fc.tuple(fc.constant(OP_U64), fc.constantFrom(ORIG_PACKET_DELTA, REPLY_OCTET_DELTA), fc.constant(8), u32s),
  fc.tuple(fc.constant(OP_CONSTANT), fc.oneof(fc.nat(FIELDS_SIZE), u32s), fc.integer({ min: 1, max: 16 }), u32s),
  text,
  fc.tuple(fc.constant(OP_TCP_STATE), fc.nat(LABELS - 1), fc.constant(0), u32s),
  fc.constant([OP_TCP_STATE, STATE, 0, 0] as const),
  instruction(OP_SECONDS, 8, 4),
  instruction(OP_NTP, 8, 8),
  facts(OP_NAME),
  // where there is a number of a name, and packed states
  fc.constantFrom([OP_NAME, SOURCE_POD_NAME, 0, 0] as const, [OP_TCP_HISTORY, TCP_STATE_HISTORY, 0, 0] as const),
  facts(OP_TCP_HISTORY),
);

const odd = fc.tuple(
  fc.oneof(fc.nat(12), u32s),
  fc.oneof(fc.nat(FIELDS_SIZE + 8), u32s),
  fc.oneof(fc.nat(300), u32s),
  u32s,
);

/** Plans that every encoder takes. */
export const validPlans: fc.Arbitrary<Uint32Array> = fc
  .oneof(fc.array(valid, { minLength: 1, maxLength: 4 }), fc.array(valid, { minLength: 1, maxLength: 30 }))
  .map(instructions => Uint32Array.from(instructions.flat()));

/** Plans that an encoder may refuse. */
export const oddPlans: fc.Arbitrary<Uint32Array> = fc.oneof(
  fc.array(fc.oneof(valid, odd), { maxLength: 5 }).map(instructions => Uint32Array.from(instructions.flat())),
  fc.array(fc.nat(300), { maxLength: 9 }).map(words => Uint32Array.from(words)),
);
