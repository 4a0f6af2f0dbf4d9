import test from 'ava';
import * as fc from 'fast-check';
import { InFlight } from '../../src/transport/in-flight.js';
import { seeded } from '../helpers/seed.js';

test('nothing sent is nothing uncertain', t => {
  t.is(new InFlight(1_000).records, 0);
});

test('everything within the buffers is uncertain, everything before is not', t => {
  const handed = new InFlight(1_000);
  for (let i = 0; i < 4; i++) handed.add(300, 7);
  t.is(handed.records, 28, 'the first message has its last octets in reach');
  handed.add(300, 7);
  t.is(handed.records, 28);
  handed.add(1_000, 1);
  t.is(handed.records, 1);
});

test('never less is uncertain than has octets in the buffers, and never much more', t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.array(fc.tuple(fc.integer({ min: 16, max: 2_000 }), fc.nat(40)), { maxLength: 400 }),
      (reach, sent) => {
        const handed = new InFlight(reach);
        for (const [octets, records] of sent) handed.add(octets, records);
        const within = (distance: number): number => {
          let behind = 0;
          let sum = 0;
          for (const [octets, records] of sent.toReversed()) {
            if (behind >= distance) break;
            sum += records;
            behind += octets;
          }
          return sum;
        };
        return handed.records >= within(reach) && handed.records <= within(reach + reach / 256 + 2_000);
      },
    ),
    seeded(t),
  );
  t.pass();
});
