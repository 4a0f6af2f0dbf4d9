import * as fc from 'fast-check';
import { filterWords } from '../../src/row/filter.js';
import {
  type Attribute,
  be16,
  be32,
  be64,
  DELETE,
  DONE,
  encodeAttributes,
  ERROR,
  message,
  NEW,
  NOOP,
  text,
  u8,
} from '../helpers/builders/netlink-builder.js';

/** A run of netlink messages in one byte order. */
export interface Stream {
  readonly littleEndian: boolean;
  readonly netlink: Uint8Array;
}

const u8s = fc.integer({ min: 0, max: 255 }).map(u8);
const be16s = fc.integer({ min: 0, max: 65535 }).map(be16);
const be32s = fc.integer({ min: 0, max: 0xffffffff }).map(be32);
const be64s = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(be64);
const bytes = (most: number) => fc.uint8Array({ maxLength: most });

function attribute(type: number, payload: fc.Arbitrary<Uint8Array | readonly Attribute[]>): fc.Arbitrary<Attribute> {
  return payload.map(payload => [type, payload] as const);
}

/** Some of the attributes, in any order, now and then twice. */
function some(...attributes: fc.Arbitrary<Attribute>[]): fc.Arbitrary<readonly Attribute[]> {
  return fc.array(fc.oneof(...attributes), { maxLength: attributes.length + 2 });
}

function all(...attributes: fc.Arbitrary<Attribute>[]): fc.Arbitrary<readonly Attribute[]> {
  return fc.tuple(...attributes);
}

const unknown = attribute(77, bytes(9));

/** CTA_PROTO_ICMP_* and CTA_PROTO_ICMPV6_*: identifier, type, code. */
const icmpPart = fc.oneof(...[4, 7].map(id => attribute(id, be16s)), ...[5, 6, 8, 9].map(type => attribute(type, u8s)));

function tuple(family: number, protocol: number): fc.Arbitrary<readonly Attribute[]> {
  const address = fc.uint8Array({ minLength: family === 2 ? 4 : 16, maxLength: 16 });
  const first = family === 2 ? 1 : 3;
  const ip = attribute(1, all(attribute(first, address), attribute(first + 1, address)));
  const proto = attribute(
    2,
    fc.oneof(
      all(attribute(1, fc.constant(u8(protocol))), attribute(2, be16s), attribute(3, be16s)),
      all(attribute(1, fc.constant(u8(protocol))), attribute(4, be16s), attribute(5, u8s), attribute(6, u8s)),
      all(attribute(1, fc.constant(u8(protocol))), attribute(9, u8s), attribute(8, u8s), attribute(7, be16s)),
      some(attribute(2, be16s), attribute(3, be16s), icmpPart, unknown).map(attributes => [
        [1, u8(protocol)] as const,
        ...attributes,
      ]),
    ),
  );
  return fc.oneof(
    { weight: 6, arbitrary: all(ip, proto) },
    { weight: 2, arbitrary: all(proto, attribute(3, be16s), ip) },
    { weight: 1, arbitrary: some(ip, proto, attribute(3, be16s), unknown) },
  );
}

const counters = some(attribute(1, be64s), attribute(2, be64s), attribute(3, be32s), attribute(4, be32s), unknown);
const state = some(attribute(1, u8s), attribute(4, bytes(2)), attribute(5, bytes(2)), unknown);

const facts = some(
  attribute(3, be32s),
  attribute(4, some(attribute(1, state), attribute(2, state), attribute(3, state))),
  attribute(5, some(attribute(1, fc.oneof(fc.string({ maxLength: 20 }).map(text), bytes(20))), unknown)),
  attribute(7, be32s),
  attribute(8, be32s),
  attribute(9, counters),
  attribute(10, counters),
  attribute(12, be32s),
  attribute(18, be16s),
  attribute(20, some(attribute(1, be64s), attribute(2, be64s), attribute(3, bytes(0)))),
  attribute(22, bytes(20)),
  attribute(27, be64s),
  unknown,
);

/** Attributes of an entry that is well-formed most of the time. */
function entryPayload(littleEndian: boolean): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(2, 2, 2, 10, 10, 7), fc.constantFrom(1, 6, 17, 33, 47, 58, 132, 99))
    .chain(([family, protocol]) =>
      fc
        .tuple(
          fc.oneof({ weight: 19, arbitrary: fc.constant(family) }, { weight: 1, arbitrary: fc.constant(2) }),
          attribute(1, tuple(family, protocol)),
          attribute(2, tuple(family, protocol)),
          facts,
        )
        .map(([family, original, reply, facts]) =>
          Buffer.concat([Uint8Array.of(family, 0, 0, 0), encodeAttributes([original, reply, ...facts], littleEndian)]),
        ),
    );
}

function streamMessage(littleEndian: boolean): fc.Arbitrary<Buffer> {
  const flags = fc.constantFrom(2, 2, 2, 0x12);
  const entry = fc
    .tuple(fc.constantFrom(NEW, NEW, NEW, DELETE), flags, entryPayload(littleEndian))
    .map(([type, flags, payload]) => message(type, flags, payload, littleEndian));
  const other = fc
    .tuple(fc.constantFrom(NOOP, ERROR, DONE, 0x0105, 0x0201, NEW, ERROR), flags, bytes(8))
    .map(([type, flags, payload]) => message(type, flags, payload, littleEndian));
  return fc.oneof({ weight: 8, arbitrary: entry }, { weight: 1, arbitrary: other });
}

/** Messages as a kernel might send them, with a few that it would not. */
export const streams: fc.Arbitrary<Stream> = fc
  .boolean()
  .chain(littleEndian =>
    fc
      .array(streamMessage(littleEndian), { maxLength: 6 })
      .map(messages => ({ littleEndian, netlink: new Uint8Array(Buffer.concat(messages)) })),
  );

/** The same with bytes changed, cut off or put in. */
export const damagedStreams: fc.Arbitrary<Stream> = fc
  .tuple(
    streams,
    fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 3, 4, 255))), { maxLength: 6 }),
    fc.option(fc.nat()),
  )
  .map(([{ littleEndian, netlink }, changes, cut]) => {
    const damaged = netlink.slice(0, cut === null ? undefined : cut % (netlink.length + 1));
    for (const [at, value] of changes) {
      if (damaged.length > 0) damaged[at % damaged.length] = value;
    }
    return { littleEndian, netlink: damaged };
  });

/** Entries of one shape one after the other: the same messages again, with a few bytes that differ. */
export const repeatedStreams: fc.Arbitrary<Stream> = fc
  .tuple(streams, fc.array(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), { minLength: 1, maxLength: 3 }))
  .map(([{ littleEndian, netlink }, repetitions]) => {
    const all = [netlink];
    for (const changes of repetitions) {
      const again = netlink.slice();
      for (const [at, value] of changes) if (again.length > 0) again[at % again.length] = value;
      all.push(again);
    }
    return { littleEndian, netlink: new Uint8Array(Buffer.concat(all)) };
  });

/** Any bytes at all. */
export const noise: fc.Arbitrary<Stream> = fc.record({
  littleEndian: fc.boolean(),
  netlink: fc.uint8Array({ maxLength: 200 }),
});

const u32s = fc.nat(0xffffffff);
const masked = fc.tuple(u32s, u32s).map(([value, mask]) => ({ value: (value & mask) >>> 0, mask }));

/** Filter words: most often none, or one that takes some of the rows. */
export const filters: fc.Arbitrary<Uint32Array> = fc.oneof(
  fc.constant(filterWords({})),
  fc
    .record(
      {
        family: fc.constantFrom(2 as const, 10 as const),
        zone: fc.constantFrom(0, 1, 7, 65535),
        mark: fc.oneof(masked, fc.constant({ value: 0, mask: 1 })),
        status: fc.oneof(masked, fc.constant({ value: 8, mask: 8 }), fc.constant({ value: 0, mask: 0 })),
        protocols: fc.subarray([1, 6, 17, 47, 58, 132, 99]),
      },
      { requiredKeys: [] },
    )
    .map(filterWords),
);
