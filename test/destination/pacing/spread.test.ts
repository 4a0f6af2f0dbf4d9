import test from 'ava';
import { Spread } from '../../../src/destination/pacing/spread.js';

test('what a poll makes due is spread until the next one', t => {
  const spread = new Spread(300_000);
  t.is(spread.plan({ due: 300_000, ended: 0, polls: 1 }, 5_000, 1_000), 60_000);
  t.is(spread.plan({ due: 150_000, ended: 0, polls: 1 }, 5_000, 3_500), 60_000, 'half of it in half of the time');
  t.is(spread.plan({ due: 300_000, ended: 0, polls: 2 }, 5_000, 6_000), 60_000, 'the next one begins anew');
});

test('a poll that ends connections spreads these too', t => {
  const spread = new Spread(300_000);
  t.is(spread.plan({ due: 50_000, ended: 50_000, polls: 1 }, 5_000, 1_000), 10_000);
});

test('connections that events end leave as fast as they come', t => {
  const spread = new Spread(300_000);
  spread.plan({ due: 0, ended: 0, polls: 1 }, 5_000, 1_000);
  t.is(spread.plan({ due: 8_000, ended: 8_000, polls: 1 }, 5_000, 1_100), 80_000);
});

test('a long interval is not waited for: a minute at most, and half of what drops the ended', t => {
  t.is(new Spread(300_000).plan({ due: 6_000, ended: 0, polls: 1 }, 3_600_000, 0), 100);
  t.is(new Spread(10_000).plan({ due: 5_000, ended: 0, polls: 1 }, 3_600_000, 0), 1_000);
});

test('what is left when its time is over leaves soon', t => {
  const spread = new Spread(300_000);
  spread.plan({ due: 1_000, ended: 0, polls: 1 }, 1_000, 0);
  t.is(spread.plan({ due: 100, ended: 0, polls: 1 }, 1_000, 5_000), 2_000);
});

test('a poll interval that has changed holds from the next poll on', t => {
  const spread = new Spread(300_000);
  t.is(spread.plan({ due: 100_000, ended: 0, polls: 1 }, 5_000, 0), 20_000);
  t.is(spread.plan({ due: 80_000, ended: 0, polls: 1 }, 20_000, 1_000), 20_000);
  t.is(spread.plan({ due: 100_000, ended: 0, polls: 2 }, 20_000, 5_000), 5_000);
});
