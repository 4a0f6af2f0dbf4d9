import test from 'ava';
import * as fc from 'fast-check';
import { peerOf } from '../../src/collector/listener.js';
import { Room, type Occupant } from '../../src/collector/room.js';
import { seeded } from '../helpers/seed.js';

const occupant = (peer: string, messages: number, lastMessage = 0): Occupant => ({ peer, messages, lastMessage });

function filled(limit: number, ...occupants: Occupant[]): Room<Occupant> {
  const room = new Room<Occupant>(limit);
  for (const each of occupants) room.give(each, 1);
  return room;
}

test('the fewest messages go first, then the longest silence; ten minutes of silence count as no message', t => {
  const [old, young, busy] = [occupant('a', 3, 1), occupant('b', 3, 2), occupant('c', 900, 1)];
  t.is(filled(3, young, busy, old).leastUseful(3), old);
  busy.lastMessage = -600_000;
  t.is(filled(3, young, busy, old).leastUseful(3), busy);
});

test('whoever has more than its share goes before others', t => {
  const greedy = Array.from({ length: 3 }, (_, i) => occupant('greedy', 100 + i));
  const poor = occupant('poor', 0);
  t.is(filled(4, ...greedy, poor).leastUseful(0), greedy[0]);
  t.is(new Room(4).leastUseful(0), undefined);
});

test('parts are given and taken back, whatever comes in which order', t => {
  const step = fc.record({ who: fc.nat(5), part: fc.integer({ min: 0, max: 9 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), steps => {
      const all = Array.from({ length: 6 }, (_, i) => occupant(`peer ${i % 3}`, i));
      const room = new Room<Occupant>(10);
      const parts = new Map<Occupant, number>();
      for (const { who, part } of steps) {
        if (part === 0) {
          room.remove(all[who]);
          parts.delete(all[who]);
        } else {
          room.give(all[who], part);
          parts.set(all[who], part);
        }
        const used = [...parts.values()].reduce((sum, each) => sum + each, 0);
        t.deepEqual([room.full, room.overfull], [used >= 10, used > 10]);
        const least = room.leastUseful(0);
        t.is(least === undefined, parts.size === 0);
        if (least !== undefined) t.true(parts.has(least));
      }
    }),
    { ...seeded(t), numRuns: 300 },
  );
});

test('who is behind an address: an IPv4 address, 64 bits of an IPv6 address, a link-local address', t => {
  for (const [address, peer] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
  ]) {
    t.is(peerOf(address), peer, address);
  }
});
