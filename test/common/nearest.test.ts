import test from 'ava';
import { nearest } from '../../src/common/nearest.js';

const KNOWN = ['flowPollInterval', 'pollBudget', 'mtu', 'profile', 'maxRate'];

for (const [word, meant] of [
  ['flowPollIntervall', 'flowPollInterval'],
  ['flow-poll-interval', 'flowPollInterval'],
  ['FLOW_POLL_INTERVAL', 'flowPollInterval'],
  ['mut', 'mtu'],
  ['porfile', 'profile'],
  ['maxrate', 'maxRate'],
  ['budget', undefined],
  ['x', undefined],
  ['', undefined],
] as const) {
  test(`'${word}' means ${meant ?? 'nothing that is known'}`, t => {
    t.is(nearest(word, KNOWN), meant);
  });
}
