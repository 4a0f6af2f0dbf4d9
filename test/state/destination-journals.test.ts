import test from 'ava';
import { openJournal } from '../helpers/builders/journals.js';
import { temporaryPath } from '../helpers/temporary.js';

const BORN = 1_700_000_000_000;

test('a destination that is added again has the number that it had, and another one has another', async t => {
  const path = temporaryPath(t, 'state');
  const { journal } = await openJournal(path);
  const [one, two] = [journal.destination('one', BORN), journal.destination('two', BORN)];
  journal.remove(two);
  const three = journal.destination('three', BORN + 1);
  const again = journal.destination('two', BORN + 2);
  t.deepEqual([one.number, two.number, three.number, again.number], [0, 1, 2, 1]);
  t.is(again.since, BORN + 2, 'what it was exported before counts no more');
  await journal.close();

  const { journal: next } = await openJournal(path);
  t.is(next.destination('two', BORN + 9).since, BORN + 2);
  t.is(next.destination('four', BORN + 9).number, 3, 'the file has entries under all others');
  await next.close();
});

test('more destinations than a file can name come and go', async t => {
  const path = temporaryPath(t, 'state');
  const { journal } = await openJournal(path);
  journal.destination('stays', BORN);
  for (let i = 0; i < 1_500; i++) journal.remove(journal.destination(`number ${i}`, BORN));
  const last = journal.destination('last', BORN);
  t.true(last.number < 1_024);
  await journal.close();
  const { journal: next, lines } = await openJournal(path);
  t.is(next.destination('last', BORN + 9).number, last.number);
  t.is(next.destination('stays', BORN + 9).number, 0);
  t.false(lines.some(({ level }) => level === 'warn'));
  await next.close();
});
