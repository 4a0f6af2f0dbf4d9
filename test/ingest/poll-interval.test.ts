import test from 'ava';
import { LEAST_POLL_INTERVAL, PollInterval, type PollIntervalOptions } from '../../src/ingest/poll-interval.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

function make(options: Partial<PollIntervalOptions> = {}) {
  const { log, lines } = listeningLogger();
  const interval = new PollInterval({
    flowPollInterval: 'auto',
    pollBudget: 10,
    byEvents: () => true,
    destinations: [{ activeFlowExportTimeout: 5_000 }],
    staleConnectionTimeout: 300_000,
    log,
    ...options,
  });
  /** Polls in turn, by a clock of its own, each of which takes so much CPU. @returns when they began */
  const poll = (from: number, ...cpu: number[]): number[] => {
    let at = from;
    return cpu.map(spent => {
      const began = at;
      interval.polled(spent, began);
      at = interval.next(began);
      return began;
    });
  };
  return { interval, poll, messages: () => lines.map(({ msg }) => msg as string) };
}

test('polls that are cheap begin every five seconds, and nothing is logged', t => {
  const { interval, poll, messages } = make();
  t.deepEqual(poll(1_000, 1, 499, 20), [1_000, 6_000, 11_000]);
  t.is(interval.current, LEAST_POLL_INTERVAL);
  t.deepEqual(messages(), []);
});

test('dear polls begin so far apart that they take ten percent of a core', t => {
  const { interval, poll, messages } = make();
  const began = poll(0, 1_250, 1_250, 1_000, 1_250);
  t.deepEqual(began, [0, 12_500, 25_000, 36_250], 'a cheaper one counts by half');
  t.is(interval.current, 12_500);
  t.is(interval.share, 10);
  t.deepEqual(messages(), [
    'a poll every 12.5 s from now on, so that polls take no more than 10 % of a core (--poll-budget)',
  ]);
});

test('a poll that is suddenly dearer counts at once: the budget holds in any hour', t => {
  const { interval, poll } = make({ pollBudget: 25 });
  const cpu = Array.from({ length: 200 }, (_, i) => (i % 7 < 5 ? 1_000 + ((i * 37) % 11) * 100 : 4_000));
  const began = poll(0, ...cpu);
  const end = interval.next(began.at(-1)!);
  for (let from = 0; from < cpu.length; from++) {
    const spent = cpu.slice(from).reduce((sum, one) => sum + one, 0);
    t.true(spent <= 0.25 * (end - began[from]), `from poll ${from} on`);
  }
});

test('when the table is small again, so is the interval', t => {
  const { interval, poll, messages } = make();
  poll(0, 2_000, 10, 10, 10);
  t.is(interval.current, LEAST_POLL_INTERVAL);
  t.is(messages().at(-1), 'a poll every 5 s again');
});

test('small changes are not logged', t => {
  const { poll, messages } = make();
  poll(0, 1_000, 1_100, 1_200, 1_000, 1_100);
  t.is(messages().length, 1);
});

for (const [what, options, most] of [
  ['a minute', {}, 60_000],
  [
    'the longest active timeout',
    { destinations: [{ activeFlowExportTimeout: 1_000 }, { activeFlowExportTimeout: 120_000 }] },
    120_000,
  ],
  ['half of the stale timeout', { staleConnectionTimeout: 60_000 }, 30_000],
  ['ten seconds without events, as the kernel keeps a connection that was reset', { byEvents: () => false }, 10_000],
  ['five seconds with a very short stale timeout', { staleConnectionTimeout: 100 }, 5_000],
] as const) {
  test(`the interval grows to ${what} at most, and that the budget is not held is said once`, t => {
    const { interval, poll, messages } = make(options);
    const cpu = most / 5;
    t.deepEqual(poll(0, cpu, cpu * 1.01, cpu, cpu), [0, most, 2 * most, 3 * most]);
    t.is(interval.current, most);
    t.is(Math.round(interval.share), 20);
    t.false(messages().some(message => message.includes('no more than')));
    const warning = `polls take 20 % of a core, above --poll-budget (10 %): their interval does not grow beyond ${most / 1000} s`;
    t.deepEqual(
      messages().filter(message => message.includes('above')),
      [warning],
    );
  });
}

test('events that fail while it runs: the interval grows no more than without', t => {
  let events = true;
  const { interval, poll } = make({ byEvents: () => events });
  poll(0, 3_000);
  t.is(interval.current, 30_000);
  events = false;
  poll(30_000, 3_000);
  t.is(interval.current, 10_000);
});

test('a poll out of turn uses the budget too', t => {
  const { interval } = make();
  interval.polled(1_000, 0);
  t.is(interval.notBefore, 10_000);
  interval.polled(1_000, 4_000);
  t.is(interval.notBefore, 20_000);
  t.is(interval.next(0), 20_000);
});

test('a fixed interval stays, and its share of a core is known', t => {
  const { interval, poll, messages } = make({ flowPollInterval: 2_000 });
  t.deepEqual(poll(0, 1_000, 1_000), [0, 2_000]);
  t.is(interval.share, 50);
  t.is(interval.notBefore, Number.NEGATIVE_INFINITY);
  t.deepEqual(messages(), []);
});

test('other settings hold for the next poll: an interval, a budget, the timeouts of other destinations', t => {
  const destinations = [{ activeFlowExportTimeout: 5_000 }];
  const { interval, poll } = make({ flowPollInterval: 3_600_000, destinations });
  poll(0, 1_000);
  t.is(interval.next(0), 3_600_000);
  interval.change({ flowPollInterval: 50, pollBudget: 10, destinations });
  t.is(interval.next(0), 50);
  interval.change({ flowPollInterval: 'auto', pollBudget: 10, destinations });
  t.is(interval.next(0), LEAST_POLL_INTERVAL);
  poll(0, 1_000);
  t.is(interval.next(0), 10_000);
  interval.change({ flowPollInterval: 'auto', pollBudget: 10, destinations });
  t.is(interval.next(0), 10_000, 'they are the same');
  interval.change({ flowPollInterval: 'auto', pollBudget: 50, destinations });
  t.is(interval.next(0), LEAST_POLL_INTERVAL);
  poll(0, 60_000);
  t.is(interval.current, 60_000);
  interval.change({ flowPollInterval: 'auto', pollBudget: 50, destinations: [{ activeFlowExportTimeout: 90_000 }] });
  poll(0, 60_000);
  t.is(interval.current, 90_000);
});
