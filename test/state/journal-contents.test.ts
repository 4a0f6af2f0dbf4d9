import test from 'ava';
import { DESTINATION, EntryBlock, ENTRY_WORDS, HEAD_WORDS, PENDING, WITHDRAWN } from '../../src/state/entry-block.js';
import { destinationPayload, JournalContents } from '../../src/state/journal-contents.js';
import type { Block } from '../../src/state/journal-file.js';
import { entry } from '../helpers/builders/journals.js';

function block(kind: number, batch: number, words: Uint32Array): Block {
  const made = new EntryBlock(words.length / ENTRY_WORDS);
  made.words.set(words, HEAD_WORDS);
  return { kind, destination: 0, batch, count: words.length / ENTRY_WORDS, words: made.words, at: HEAD_WORDS };
}

test('a connection with two records in a batch that was never sent is as it was before the first', t => {
  const contents = new JournalContents(10_000);
  const name = destinationPayload({ name: 'collector', since: 1 });
  const both = Uint32Array.of(...entry(1, 2, [5, 500, 0, 0]), ...entry(1, 2, [9, 900, 0, 0]));
  const first = Uint32Array.of(...entry(1, 2, [3, 300, 0, 0]));
  const none = new Uint32Array(ENTRY_WORDS);
  for (const [kind, batch, words] of [
    [DESTINATION, 0, name],
    [PENDING, 1, first],
    [PENDING, 2, both],
    [WITHDRAWN, 2, none],
  ] as const)
    t.true(contents.take(block(kind, batch, words)));
  const word = contents.table.find(first, 0, 0);
  t.is(contents.table.words[word + 3], 3);
});
