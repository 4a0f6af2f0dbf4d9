import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { EventPressure } from '../../native/binding.js';
import { DyingList, type Guard } from '../../src/ingest/dying-list.js';
import { holdBudget } from '../../src/ingest/hold-budget.js';
import type { EventSource } from '../../src/sources/events.js';
import { FakeEvents } from '../helpers/fakes/fake-events.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

const TABLE = { drops: 0, guarded: 0, tableMax: 1000 };

function begin(guard: Guard, limit?: number) {
  const source = new FakeEvents();
  const { log, lines } = listeningLogger();
  const list = new DyingList(source as unknown as EventSource, guard, limit, log);
  return { source, list, lines };
}

/** Longer than from one renewal to the next. */
const soon = (): Promise<void> => new Promise(done => setTimeout(done, 10));

test('the kernel may hold what the limit says, and no more than a share of its room', t => {
  const budget = (pressure: Partial<EventPressure>, held = 0, limit?: number): number[] =>
    holdBudget({ ...TABLE, ...pressure }, held, limit).map(({ events }) => events);
  t.deepEqual(
    budget({ tableCount: 100 }),
    [675, 125],
    'three quarters of the room in a burst, an eighth of the table for long',
  );
  t.deepEqual(budget({ tableCount: 100 }, 0, 300), [300, 300]);
  t.deepEqual(budget({ tableCount: 100 }, 0, 800), [675, 450]);
  t.deepEqual(budget({ tableCount: 900 }), [75, 50]);
  t.deepEqual(budget({ tableCount: 900 }, 80), [135, 90], 'what is held takes no room from itself');
  t.deepEqual(budget({ tableCount: 1001 }), [0, 0]);
  t.deepEqual(budget({ tableMax: 0, tableCount: 900 }, 0, 5000), [5000, 5000], '0 is no limit');
  t.deepEqual(
    holdBudget({ drops: 0, guarded: 0 }, 0, 10).map(({ events }) => events),
    [0, 0],
    'not known',
  );
});

test('a lease is renewed when the store has taken events, less what is held already', async t => {
  const { source, list } = begin('filter');
  t.deepEqual(source.leases, [[750, 125]]);
  for (let batch = 0; batch < 1_000; batch++) list.renew();
  t.true(source.leases.length < 1_000, 'not for each batch of a burst');
  await soon();
  source.kernel.tableCount = 900;
  list.renew();
  t.deepEqual(source.leases.at(-1), [75, 50]);
  await soon();
  source.kernel.drops = 20;
  source.dying = () => 20;
  list.renew();
  t.deepEqual(source.leases.at(-1), [70, 40]);
  await soon();
  source.kernel.drops = 500; // attempts, and nearly all of them delivered since
  source.dying = () => 10;
  list.renew();
  t.deepEqual(source.leases.at(-1), [0, 0]);
  await turn();
  await soon();
  list.renew();
  t.deepEqual(source.leases.at(-1), [72, 45], 'a look at the list says how many are left');
});

test('no lease where there is no filter', t => {
  for (const guard of ['polls', 'off'] as const) t.deepEqual(begin(guard).source.leases, []);
});

test('events may wait as long as the filter lets a burst pass, and the lease is renewed meanwhile', async t => {
  const { source, list } = begin('filter');
  Object.assign(source.kernel, { drops: 500, tableCount: 600 });
  const renewed = source.leases.length;
  await soon();
  t.true(list.mayWait, 'three quarters of the 675 of a burst');
  t.true(source.leases.length > renewed);
  source.kernel.drops = 800;
  t.false(list.mayWait, 'beyond, what waits is read before the filter drops any');
  source.kernel.tableCount = 540;
  t.true(list.mayWait, 'no more are held than the table has');
});

test('without a filter events wait as long as half of what may stay is held', t => {
  const { source, list } = begin('polls', 100);
  Object.assign(source.kernel, { drops: 50, tableCount: 300 });
  t.true(list.mayWait);
  source.kernel.drops = 51;
  t.false(list.mayWait);
  t.deepEqual(source.leases, []);
});

test('with the filter, attempts that fail are no loss, and what the filter drops is one', async t => {
  const { source, list, lines } = begin('filter');
  source.kernel.drops = 7;
  source.dying = () => 7;
  t.true(await list.watch(), 'events are to come');
  t.is(list.lost, 0);
  source.kernel.guarded = 5;
  await list.watch();
  source.kernel.guarded = 9;
  await list.watch();
  t.is(list.lost, 9);
  t.deepEqual(source.kept, [], 'the option stays on');
  const warnings = lines.filter(({ msg }) => String(msg).includes('were lost'));
  t.deepEqual(
    warnings.map(({ lost }) => lost),
    [5],
    'one warning a minute',
  );
  source.closed = true;
  t.is(list.lost, 9, 'known after listening has ended');
});

test('where nothing is held each event that does not fit is counted, over the end of the counter too', async t => {
  const { source, list } = begin('off');
  source.dying = () => t.fail('nothing is held') as never;
  source.kernel.drops = 2 ** 32 - 1;
  t.is(list.lost, 2 ** 32 - 1);
  source.kernel.drops = 1;
  t.is(list.lost, 2 ** 32 + 1);
  t.false(await list.watch());
  await list.drain();
  t.is(list.unread, 0);
});

test('the list is not looked at while every event has fitted', async t => {
  const { source, list } = begin('filter');
  source.dying = () => t.fail('it costs') as never;
  t.false(await list.watch());
  await list.drain();
  t.is(list.unread, 0);
});

test('without a filter a backlog is read first, and the option stays on where that is enough', async t => {
  const { source, list } = begin('polls', 100);
  Object.assign(source.kernel, { drops: 300, tableCount: 300 });
  let dying = 300;
  source.dying = () => (dying -= 100) + 100;
  t.true(await list.watch());
  t.deepEqual(source.kept, []);
  t.true(source.calls.includes('drain'));
});

test('without a filter the option is turned off where reading does not help, and on again when the list is short', async t => {
  const { source, list, lines } = begin('polls', 100);
  Object.assign(source.kernel, { drops: 300, tableCount: 300 });
  source.dying = () => 300;
  t.false(await list.watch());
  t.deepEqual(source.kept, [false]);
  source.kernel.drops = 650; // 300 that were held, and 50 more
  t.is(list.lost, 350);
  source.dying = () => 60;
  await list.watch();
  t.deepEqual(source.kept, [false], 'not yet');
  source.dying = () => 50;
  await list.watch();
  t.deepEqual(source.kept, [false, true]);
  source.kernel.drops = 680;
  t.is(list.lost, 350, 'held again');
  t.regex(lines.map(({ msg }) => msg).join('\n'), /turned off[^]*turned on again/);
});
