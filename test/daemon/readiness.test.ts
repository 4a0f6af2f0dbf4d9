import test from 'ava';
import { Readiness } from '../../src/daemon/readiness.js';
import type { ExporterStats } from '../../src/exporter.js';

function rig() {
  const state = { polls: 0, connects: 0, errors: {} as Record<string, number>, now: 0 };
  const stats = () =>
    ({
      poll: { polls: state.polls },
      destinations: [
        { endpoint: 'tcp://192.0.2.1:4739', transport: state },
        { endpoint: 'udp://192.0.2.2:4739', transport: { connects: 1, errors: {} } },
      ],
    }) as unknown as ExporterStats;
  return { state, readiness: new Readiness(stats, () => state.now) };
}

test('ready is an exporter with its first poll that has tried each destination', t => {
  const { state, readiness } = rig();
  t.deepEqual(readiness.waitsFor(), ['the first poll', 'a first attempt at tcp://192.0.2.1:4739']);
  state.polls = 1;
  t.false(readiness.ready);
  t.deepEqual(readiness.waitsFor(), ['a first attempt at tcp://192.0.2.1:4739']);
  state.connects = 1;
  t.true(readiness.ready);
  t.deepEqual(readiness.waitsFor(), []);
  state.connects = 0;
  t.true(readiness.ready, 'it stays so');
});

test('an attempt that has failed was one', t => {
  const { state, readiness } = rig();
  Object.assign(state, { polls: 1, errors: { ECONNREFUSED: 1 } });
  t.true(readiness.ready);
});

test('an attempt that takes longer than 20 s was one, too', t => {
  const { state, readiness } = rig();
  Object.assign(state, { polls: 1, now: 19_999 });
  t.false(readiness.ready);
  state.now = 20_000;
  t.true(readiness.ready);
});
