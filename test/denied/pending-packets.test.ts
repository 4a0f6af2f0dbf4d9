import test from 'ava';
import * as fc from 'fast-check';
import { PendingPackets, type PendingPacket } from '../../src/denied/pending-packets.js';
import { seeded } from '../helpers/seed.js';

const packet = fc.record({ time: fc.nat(), timed: fc.boolean(), octets: fc.nat(1 << 20), polls: fc.nat(3) });

test('pending packets return unchanged with their flow, up to the limit', t => {
  const step = fc.oneof(fc.record({ flow: fc.nat(4), add: packet }), fc.record({ flow: fc.nat(4), upTo: fc.nat(4) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const pending = new PendingPackets(5, 12);
      const model: PendingPacket[][] = [[], [], [], [], []];
      const count = () => model.reduce((sum, list) => sum + list.length, 0);
      for (const each of steps) {
        const list = model[each.flow];
        if ('add' in each) {
          const room = count() < 12;
          t.is(pending.add(each.flow, each.flow % 2, each.add), room);
          if (room) list.unshift(each.add);
        } else {
          const taken: PendingPacket[] = [];
          pending.take(each.flow, one => {
            const wanted = one.polls < each.upTo;
            if (wanted) taken.push(one);
            return wanted;
          });
          t.deepEqual(
            taken,
            list.filter(({ polls }) => polls < each.upTo),
          );
          model[each.flow] = list.filter(({ polls }) => polls >= each.upTo);
        }
        t.is(pending.count, count());
        for (const [flow, waiting] of model.entries()) {
          t.is(pending.has(flow), waiting.length > 0);
          t.is(pending.flows.has(flow), waiting.length > 0);
        }
        t.is(pending.byEndpoints.count, model.filter(waiting => waiting.length > 0).length);
      }
    }),
    seeded(t),
  );
});
