import test from 'ava';
import { COUNTER_WORDS } from '../../src/schedule/export-state.js';
import { DestinationJournal } from '../../src/state/destination-journal.js';
import { DONE, EntryBlock, EXPORTED, HEAD_WORDS, PENDING, WITHDRAWN } from '../../src/state/entry-block.js';
import { udp } from '../helpers/builders/connections.js';
import { rows } from '../helpers/builders/rows.js';

/** Kind and first word of the payload of each block that is written. */
type Written = [kind: number, first: number][];

function journal(written: Written): DestinationJournal {
  const append = (block: Uint8Array): void => {
    const words = new Uint32Array(block.slice().buffer);
    written.push([words[0] & 0xffff, words[HEAD_WORDS]]);
  };
  const options = { number: 0, name: 'udp://192.0.2.1:4739 1 standard', born: 1, known: undefined, table: undefined };
  return new DestinationJournal({ announce: () => {}, append }, options);
}

function entries(count: number): EntryBlock {
  const block = new EntryBlock();
  for (let i = 0; i < count; i++) block.next();
  return block;
}

test('records that go in front of a batch that waits are no part of it', t => {
  const written: Written = [];
  const one = journal(written);
  one.sending(entries(3), 5);
  one.sent(8);
  one.settled(5);
  // a new session begins with options
  one.sentInFront(1);
  one.settled(3);
  t.deepEqual(
    written.map(([kind]) => kind),
    [PENDING],
  );
  one.settled(1);
  t.deepEqual(written.at(-1)?.[0], DONE);
});

test('what was never sent begins behind them', t => {
  const written: Written = [];
  const one = journal(written);
  one.sending(entries(3), 0);
  one.sent(3);
  one.settled(1);
  one.sentInFront(1);
  one.settled(2);
  one.withdraw();
  t.deepEqual(written.at(-1), [WITHDRAWN, 2]);
});

const { u32: row } = rows(udp(1, 1_000, [1, 60, 0, 0], { id: 7 }));

test('a note comes behind the last record of an open message, and waits where that cannot be sent', t => {
  const written: Written = [];
  const one = journal(written);
  const kinds = (): number[] => written.map(([kind]) => kind);
  let ready = false;
  one.closeMessages = () => {
    if (ready) one.sending(entries(1), 0);
    return ready;
  };
  const note = (): void => one.note(row, 0, new Uint32Array(COUNTER_WORDS), 0, 3, 0, true);
  t.true(one.writeNotes(), 'there are none');
  note();
  t.false(one.writeNotes());
  t.deepEqual(kinds(), []);
  ready = true;
  t.true(one.writeNotes());
  t.deepEqual(kinds(), [PENDING, EXPORTED]);
  ready = false;
  for (let i = 0; !kinds().includes(EXPORTED, 2); i++) {
    if (i > 100_000) return t.fail('without an end');
    note();
  }
  t.deepEqual(kinds(), [PENDING, EXPORTED, EXPORTED], 'no more wait than a block has room for');
});
