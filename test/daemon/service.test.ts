import test from 'ava';
import { Service } from '../../src/daemon/service.js';
import type { Readiness } from '../../src/daemon/readiness.js';
import type { ExporterStats } from '../../src/exporter.js';
import { eventually } from '../helpers/eventually.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

function rig(watchdog: number | undefined) {
  const told: string[][] = [];
  const state = { waitsFor: ['the first poll'] as string[], behind: 0, status: 'a' };
  const { log, lines } = listeningLogger();
  const service = new Service({ watchdog, notify: (...words) => told.push([...words]) }, log);
  const readiness = {
    get ready() {
      return state.waitsFor.length === 0;
    },
    waitsFor: () => state.waitsFor,
  } as unknown as Readiness;
  const stats = (): ExporterStats => ({ poll: { behind: state.behind } }) as unknown as ExporterStats;
  return { service, served: { readiness, stats, status: () => state.status }, state, told, lines };
}

/** Timers of the service do not keep the process alive. */
function stayAlive(t: { teardown(done: () => void): void }): void {
  const timer = setInterval(() => {}, 1_000);
  t.teardown(() => clearInterval(timer));
}

test('READY=1 is said once, when it is ready, with the status', async t => {
  stayAlive(t);
  const { service, served, state, told } = rig(undefined);
  service.follow(served);
  t.deepEqual(told, [['STATUS=waits for the first poll']]);
  state.waitsFor = [];
  await eventually('it is ready', () => told.length === 2);
  t.deepEqual(told[1], ['READY=1', 'STATUS=a']);
  service.stopping('exporting');
  t.deepEqual(told[2], ['STOPPING=1', 'STATUS=exporting']);
  service.close();
});

test('a reload is RELOADING=1 with the time of the monotonic clock, and READY=1; before the start is over it is neither', t => {
  const { service, served, state, told } = rig(undefined);
  service.reloading();
  service.reloaded();
  t.deepEqual(told, []);
  state.waitsFor = [];
  service.follow(served);
  const clock = (): number => Number(process.hrtime.bigint() / 1000n);
  const before = clock();
  service.reloading();
  const after = clock();
  service.reloaded();
  service.close();
  const [, [reloading, time], ready] = told;
  t.is(reloading, 'RELOADING=1');
  const microseconds = Number(/^MONOTONIC_USEC=(\d+)$/.exec(time)![1]);
  t.true(before <= microseconds && microseconds <= after);
  t.deepEqual(ready, ['READY=1', 'STATUS=a']);
});

test('a reload that is under way when it stops says nothing more: it would seem to run again', t => {
  const { service, served, state, told } = rig(undefined);
  state.waitsFor = [];
  service.follow(served);
  service.reloading();
  service.stopping('exporting');
  const before = told.length;
  service.reloaded();
  service.reloading();
  service.close();
  t.is(told.length, before);
});

test('the watchdog is told as long as polls go on, and not while one hangs', async t => {
  stayAlive(t);
  const { service, served, state, told, lines } = rig(40);
  const beats = (): number => told.filter(words => words.includes('WATCHDOG=1')).length;
  state.waitsFor = [];
  service.follow(served);
  await eventually('it is told', () => beats() > 2);
  state.behind = 21;
  await eventually('it is logged', () => lines.length > 0);
  const before = beats();
  const looks = told.length;
  state.status = 'b';
  await eventually('it looks again', () => told.length > looks);
  state.status = 'c';
  await eventually('and again', () => told.length > looks + 1);
  t.is(beats(), before);
  t.deepEqual(
    lines.map(({ level, behind }) => [level, behind]),
    [[50, 21]],
  );
  state.behind = 0;
  await eventually('polls go on again', () => beats() > before);
  service.close();
});

test('without a watchdog nothing is said of it, without a service manager nothing at all', t => {
  const { service, served, state, told } = rig(undefined);
  state.waitsFor = [];
  service.follow(served);
  service.close();
  t.deepEqual(told, [['READY=1', 'STATUS=a']]);
  const none = new Service(undefined, listeningLogger().log);
  none.follow(served);
  none.reloading();
  none.reloaded();
  none.stopping('x');
  none.close();
  t.pass();
});
