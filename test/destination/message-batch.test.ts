import test from 'ava';
import * as fc from 'fast-check';
import { MessageBatch } from '../../src/destination/message-batch.js';
import { ENTRIES, ENTRY_WORDS, MESSAGES, MESSAGE_WORDS, USED } from '../../src/encoder/request.js';
import { MESSAGE_HEADER } from '../../src/ipfix/message.js';
import { HEAD_WORDS } from '../../src/state/entry-block.js';
import { seeded } from '../helpers/seed.js';

interface Given {
  readonly template: number;
  readonly records: number;
  readonly reserved: number;
  readonly entries: boolean;
}

/** A batch as an encoder leaves it: each message ends with its number, each entry begins with that of its record. */
function batchOf(given: readonly Given[]): MessageBatch {
  const batch = new MessageBatch(1_400);
  const { progress } = batch;
  let number = 0;
  given.forEach(({ template, records, reserved, entries }, message) => {
    const length = MESSAGE_HEADER + reserved + 4 + 10 * records + 1;
    const at = progress[USED];
    const set = at + MESSAGE_HEADER + reserved;
    batch.bytes.fill(0, at, at + length);
    batch.bytes[set] = template >> 8;
    batch.bytes[set + 1] = template;
    batch.bytes[at + length - 1] = message;
    batch.messages.set([length, records, reserved], message * MESSAGE_WORDS);
    for (let record = 0; record < records; record++, number++) {
      if (entries) batch.entries[progress[ENTRIES]++ * ENTRY_WORDS] = number;
    }
    progress[USED] += length;
    progress[MESSAGES]++;
  });
  return batch;
}

/** Numbers of the messages and of the entries, in the order in which they leave. */
function read(batch: MessageBatch, grouped: boolean): { messages: number[]; entries: number[] } {
  const { bytes, messages, count } = batch.outgoing(grouped);
  let end = 0;
  const numbers = Array.from({ length: count }, (_, message) => bytes[(end += messages[message * MESSAGE_WORDS]) - 1]);
  const block = batch.takeEntries();
  const entries = Array.from({ length: block.count }, (_, i) => block.words[HEAD_WORDS + i * ENTRY_WORDS]);
  return { messages: numbers, entries };
}

const givens = (entries: fc.Arbitrary<boolean>): fc.Arbitrary<Given[]> =>
  fc.array(
    fc.record({
      template: fc.integer({ min: 256, max: 260 }),
      records: fc.integer({ min: 1, max: 16 }),
      reserved: fc.constantFrom(0, 0, 40),
      entries,
    }),
    { maxLength: 64 },
  );

test('property: grouped, messages of one template follow one another in their order, and entries their records', t => {
  fc.assert(
    fc.property(givens(fc.constant(true)), given => {
      const first = given.map(({ template }) => given.findIndex(other => other.template === template));
      const order = given.map((_, i) => i).sort((a, b) => first[a] - first[b] || a - b);
      const numbers: number[][] = [];
      let next = 0;
      for (const { records } of given) numbers.push(Array.from({ length: records }, () => next++));
      t.deepEqual(read(batchOf(given), true), { messages: order, entries: order.flatMap(i => numbers[i]) });
    }),
    seeded(t),
  );
});

test('property: otherwise all is sent as it was encoded', t => {
  fc.assert(
    fc.property(givens(fc.boolean()), given => {
      const { messages, entries } = read(batchOf(given), false);
      t.deepEqual(messages, [...given.keys()]);
      t.deepEqual(
        entries,
        entries.toSorted((a, b) => a - b),
      );
    }),
    seeded(t),
  );
});

test('entries that are not one a record stay where they are', t => {
  const given = [256, 257, 256].map((template, i) => ({ template, records: 2, reserved: 0, entries: i < 2 }));
  t.deepEqual(read(batchOf(given), true), { messages: [0, 2, 1], entries: [0, 1, 2, 3] });
});
