import test from 'ava';
import { DestinationJournal } from '../../src/state/destination-journal.js';
import { DONE, EntryBlock, HEAD_WORDS, PENDING, WITHDRAWN } from '../../src/state/entry-block.js';

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
