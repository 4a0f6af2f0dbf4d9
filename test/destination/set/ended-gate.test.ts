import test from 'ava';
import { roomForEnded } from '../../../src/destination/set/ended-gate.js';

const destination = (endedRoom: number, takes: boolean) => ({ endedRoom, takesEnded: () => takes });

test('ended connections are taken as the fastest destination has room, of those that take anything', t => {
  t.is(roomForEnded([destination(3, true), destination(0, true), destination(900, false)]), 3);
  t.is(roomForEnded([destination(0, true), destination(900, false)]), 0);
});

test('where no destination takes anything, none is waited for', t => {
  t.is(roomForEnded([destination(0, false), destination(0, false)]), Infinity);
});
