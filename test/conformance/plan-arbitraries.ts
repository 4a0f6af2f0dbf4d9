import * as fc from 'fast-check';
import {
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  PRESENT,
  RECORD_SIZE,
  SOURCE_POD_NAME,
  STATE,
  TCP_STATE_HISTORY,
} from '../../src/row/layout.generated.js';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import type { Job } from './outcome.js';

type Instruction = readonly [operation: number, offset: number, length: number, argument: number];

const u32s = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff));

function instruction(operation: number, width: number, ...lengths: number[]): fc.Arbitrary<Instruction> {
  return fc.tuple(fc.constant(operation), fc.nat(RECORD_SIZE - width), fc.constantFrom(...lengths), u32s);
}

function span(operation: number, most: number): fc.Arbitrary<Instruction> {
  return fc
    .integer({ min: 1, max: most })
    .chain(length => fc.tuple(fc.constant(operation), fc.nat(RECORD_SIZE - length), fc.constant(length), u32s));
}

const valid = fc.oneof(
  span(OP_BYTES, 40),
  span(OP_BYTES, RECORD_SIZE),
  fc.tuple(fc.constant(OP_BYTES), fc.nat(RECORD_SIZE - 16), fc.constantFrom(4, 16), u32s),
  instruction(OP_U8, 1, 1, 2, 4, 8),
  instruction(OP_U16, 2, 2, 4, 8),
  instruction(OP_U32, 4, 4, 8),
  instruction(OP_U64, 8, 8),
  instruction(OP_CONSTANT, 0, ...Array.from({ length: 16 }, (_, i) => i + 1)),
  span(OP_TEXT, 20),
  span(OP_TEXT, 254),
  instruction(OP_TCP_STATE, 1, 0),
  fc.constant([OP_TCP_STATE, STATE, 0, 0] as const),
  instruction(OP_SECONDS, 8, 4),
  instruction(OP_NAME, 4, 0),
  // where records have a number of a name, and packed states
  fc.constantFrom([OP_NAME, SOURCE_POD_NAME, 0, 0] as const, [OP_TCP_HISTORY, TCP_STATE_HISTORY, 0, 0] as const),
  instruction(OP_TCP_HISTORY, 4, 0),
);

const odd = fc.tuple(
  fc.oneof(fc.nat(12), u32s),
  fc.oneof(fc.nat(RECORD_SIZE + 8), u32s),
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

/** A record of any bytes, with zeros in between so that texts end, and with a known or an odd state. */
const record = fc
  .tuple(
    fc.uint8Array({ minLength: RECORD_SIZE, maxLength: RECORD_SIZE }),
    fc.array(fc.nat(RECORD_SIZE - 1), { maxLength: 20 }),
    fc.option(fc.nat(12)),
    fc.nat(9),
    fc.array(fc.nat(11), { maxLength: 8 }),
  )
  .map(([bytes, zeros, state, name, states]) => {
    for (const at of zeros) bytes[at] = 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(SOURCE_POD_NAME, name, HOST_LITTLE_ENDIAN);
    const packed = states.reduceRight((later, state) => later * 16 + state, 0);
    view.setUint32(TCP_STATE_HISTORY, packed, HOST_LITTLE_ENDIAN);
    if (state !== null) {
      bytes[STATE] = state;
      bytes.fill(0xff, PRESENT, PRESENT + 4);
    }
    return bytes;
  });

/** Up to 12 records, of which up to three differ. */
const records: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(record, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(2), { maxLength: 12, size: 'max' }))
  .map(([different, order]) => new Uint8Array(Buffer.concat(order.map(i => different[i % different.length]))));

/** Tables of names, some of them wrong about themselves. */
const names = fc
  .tuple(
    fc.array(fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('', 'é', 'x'.repeat(254), 'x'.repeat(255))), {
      maxLength: 9,
    }),
    fc.option(fc.tuple(fc.nat(8), u32s)),
  )
  .map(([texts, wrong]) => {
    let end = 0;
    const nameEnds = Uint32Array.from(texts, text => (end += Buffer.byteLength(text)));
    if (wrong && wrong[0] < nameEnds.length) nameEnds[wrong[0]] = wrong[1];
    return { names: new Uint8Array(Buffer.from(texts.join(''))), nameEnds };
  });

const limits = fc.oneof(
  fc.integer({ min: 0, max: 1500 }),
  fc.constantFrom(0, 15, 16, 20, 21, 484, 484, 1400, 1400, 65535),
);

/** Requests of any kind: tight limits, little room, a prefix, a sequence about to wrap. */
export function jobs(plans: fc.Arbitrary<Uint32Array>): fc.Arbitrary<Job> {
  return fc
    .tuple(plans, records, names, limits, fc.uint8Array({ maxLength: 60 }), fc.nat(40), fc.nat(40))
    .chain(([plan, records, { names, nameEnds }, limit, prefix, a, b]) => {
      const count = records.length / RECORD_SIZE;
      const from = a > count ? 0 : a;
      const to = b > count - from ? count : from + b;
      return fc.record({
        plan: fc.constant(plan),
        records: fc.constant(records),
        names: fc.constant(names),
        nameEnds: fc.constant(nameEnds),
        limit: fc.constant(limit),
        prefix: fc.oneof(fc.constant(new Uint8Array(0)), fc.constant(prefix)),
        from: fc.constant(from),
        to: fc.constant(to),
        templateId: fc.constantFrom(256, 257, 65535),
        exportTime: u32s,
        sequence: fc.oneof(u32s, fc.integer({ min: 0xfffffff0, max: 0xffffffff })),
        observationDomain: u32s,
        room: fc.oneof(
          { weight: 2, arbitrary: fc.nat(6 * limit) },
          { weight: 1, arbitrary: fc.constantFrom(limit, Math.max(0, limit - 1)) },
          { weight: 6, arbitrary: fc.constant(16 * limit) },
        ),
        pairs: fc.oneof({ weight: 4, arbitrary: fc.constant(20) }, { weight: 1, arbitrary: fc.nat(3) }),
      });
    });
}

/** Requests that are wrong somewhere besides the plan. */
export const oddJobs: fc.Arbitrary<Job> = fc
  .tuple(jobs(validPlans), fc.nat(20), fc.nat(20), fc.nat(70_000), fc.constantFrom(0, 2, 255, 256, 65535, 65536))
  .map(([job, from, to, limit, templateId]) => ({
    ...job,
    from,
    to,
    limit,
    templateId,
    room: Math.min(job.room, 100_000),
  }));
