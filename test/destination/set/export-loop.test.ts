import test, { type ExecutionContext } from 'ava';
import { ExportLoop } from '../../../src/destination/set/export-loop.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';

const HOUR = 3_600_000;

/** A destination in the hands of a test. */
class FakeDestination {
  exports = 0;
  running = 0;
  most = 0;
  deadline = Infinity;
  endedWaiting = 0;
  /** Exports that pause and go on. */
  pauses = 0;
  gate: () => Promise<void> = () => Promise.resolve();

  async export(): Promise<boolean> {
    this.exports++;
    this.most = Math.max(this.most, ++this.running);
    await this.gate();
    this.running--;
    return this.pauses-- > 0;
  }

  nextDeadline(): number {
    return this.deadline;
  }
}

function loopOf(
  t: ExecutionContext,
  destination: FakeDestination,
  longestWait = HOUR,
): { loop: ExportLoop; lines: unknown[]; after: number } {
  const { log, lines } = listeningLogger();
  const rig = { loop: undefined as unknown as ExportLoop, lines, after: 0 };
  rig.loop = new ExportLoop(destination, longestWait, { before: () => {}, after: () => rig.after++ }, log);
  t.teardown(() => rig.loop.close());
  return rig;
}

test('nothing is exported before the start, nor after the end', async t => {
  const destination = new FakeDestination();
  const { loop } = loopOf(t, destination, 1);
  loop.exportNow();
  loop.exportSoon();
  await new Promise(resolve => setTimeout(resolve, 80));
  t.is(destination.exports, 0);
  loop.start();
  await eventually('exports', () => destination.exports >= 2);
  loop.close();
  await eventually('the last', () => destination.running === 0);
  const { exports } = destination;
  loop.exportNow();
  loop.exportSoon();
  await new Promise(resolve => setTimeout(resolve, 80));
  t.is(destination.exports, exports);
});

test('many ended connections are exported at once; of few the first waits a little for others', async t => {
  const destination = new FakeDestination();
  const { loop } = loopOf(t, destination);
  destination.endedWaiting = 5_000;
  loop.exportSoon();
  t.is(destination.exports, 0, 'it has not started');
  loop.start();
  await new Promise(setImmediate);
  t.is(destination.exports, 1);
  destination.endedWaiting = 1;
  loop.exportSoon();
  loop.exportSoon();
  await Promise.resolve(); // no timer can have fired, however long this process was held up
  t.is(destination.exports, 1);
  destination.endedWaiting = 1_024;
  loop.exportSoon();
  loop.exportSoon();
  await new Promise(setImmediate);
  t.is(destination.exports, 2, 'one export at a time');
  destination.endedWaiting = 1;
  loop.exportSoon();
  await eventually('the export of the few', () => destination.exports === 3);
});

test('an export that does not end keeps no other destination from its own, and none of its own begins', async t => {
  const stuck = new FakeDestination();
  const healthy = new FakeDestination();
  stuck.gate = () => new Promise(() => {});
  stuck.deadline = healthy.deadline = 0;
  const loops = [stuck, healthy].map(destination => loopOf(t, destination).loop);
  for (const loop of loops) loop.start();
  await eventually('exports to the other', () => healthy.exports >= 5);
  for (const loop of loops) loop.exportNow();
  t.is(stuck.exports, 1);
  t.is(healthy.most, 1);
});

test('an export follows at the next deadline, soon after an end, and at once when asked for', async t => {
  const destination = new FakeDestination();
  const rig = loopOf(t, destination);
  const { loop } = rig;
  destination.deadline = performance.now() + 100;
  loop.start();
  destination.deadline = performance.now() + 100;
  await eventually('the deadline', () => destination.exports === 2);
  t.true(performance.now() >= destination.deadline - 1);
  destination.deadline = Infinity;
  await eventually('the end of an export', () => rig.after === 2);
  loop.exportSoon();
  loop.exportSoon();
  t.is(destination.exports, 2);
  await eventually('the end of a connection', () => destination.exports === 3);
  await eventually('the end of an export', () => rig.after === 3);
  loop.exportNow();
  await eventually('another', () => destination.exports === 4);
});

test('an export that fails is logged, and the next one is tried', async t => {
  const destination = new FakeDestination();
  destination.gate = () => Promise.reject(new Error('no socket'));
  const rig = loopOf(t, destination, 1);
  rig.loop.start();
  await eventually('two failures', () => rig.lines.length >= 2 && rig.after >= 2);
  rig.loop.close();
  t.regex(String((rig.lines[0] as { msg: unknown }).msg), /no socket/);
});

test('an export that pauses goes on at once, and what goes with each export has its turn', async t => {
  const destination = new FakeDestination();
  destination.pauses = 5;
  const rig = loopOf(t, destination);
  rig.loop.start();
  await eventually('six exports', () => destination.exports === 6 && rig.after === 6);
  rig.loop.close();
  t.is(destination.most, 1);
});

test('a deadline that has become an earlier one is kept', async t => {
  const destination = new FakeDestination();
  const { loop } = loopOf(t, destination);
  t.teardown(() => loop.close());
  loop.lookAgain();
  loop.start();
  await eventually('the first export', () => destination.exports === 1 && destination.running === 0);
  await new Promise(resolve => setTimeout(resolve, 10));
  loop.lookAgain();
  destination.deadline = performance.now() + 60;
  const { deadline } = destination;
  for (let i = 0; i < 100; i++) loop.lookAgain();
  await eventually('the second export', () => destination.exports === 2);
  t.true(performance.now() >= deadline - 2);
});

test('however often it looks at the deadline, the export comes', async t => {
  const destination = new FakeDestination();
  const { loop } = loopOf(t, destination);
  t.teardown(() => loop.close());
  loop.start();
  await eventually('the first export', () => destination.exports === 1 && destination.running === 0);
  destination.deadline = 0;
  await eventually('the second export', () => {
    loop.lookAgain();
    return destination.exports === 2;
  });
  t.pass();
});
