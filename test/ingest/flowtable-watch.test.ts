import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { FlowtableWatch } from '../../src/ingest/flowtable-watch.js';
import type { Flowtable } from '../../src/sources/source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

const COUNTS: Flowtable = { name: 'inet filter a', counts: true };
const SILENT: Flowtable = { name: 'inet filter b', counts: false };

function begin(look: () => readonly Flowtable[] | undefined) {
  const { log, lines } = listeningLogger();
  let looks = 0;
  const source = { flowtables: () => (looks++, look()) };
  const watch = new FlowtableWatch(source, log);
  return { watch, said: () => lines.splice(0).map(line => JSON.stringify(line)), looks: () => looks };
}

test('one flowtable without counter makes offloaded connections suspect; the log says it once', t => {
  let flowtables = [COUNTS];
  const { watch, said } = begin(() => flowtables);
  t.false(watch.uncounted);
  t.deepEqual(said(), []);
  flowtables = [COUNTS, SILENT];
  watch.beforeDump();
  t.true(watch.uncounted);
  const [line, ...more] = said();
  t.regex(line, /suspect: flowtable inet filter b has no counter/);
  t.regex(line, /ctflow doctor/);
  watch.beforeDump();
  t.true(watch.uncounted);
  t.deepEqual([...more, ...said()], []);
  flowtables = [];
  watch.beforeDump();
  t.false(watch.uncounted);
});

test('flowtables are asked for once a poll, and not before somebody wants to know', t => {
  const { watch, looks } = begin(() => [SILENT]);
  watch.beforeDump();
  watch.beforeDump();
  t.is(looks(), 0);
  t.true(watch.uncounted);
  t.true(watch.uncounted);
  t.is(looks(), 1);
  watch.beforeDump();
  t.true(watch.uncounted);
  t.is(looks(), 2);
});

test('where flowtables cannot be seen, offloaded connections are suspect', t => {
  const { log, lines } = listeningLogger();
  t.true(new FlowtableWatch({}, log).uncounted);
  t.regex(JSON.stringify(lines), /cannot be seen/);
  const failing = begin(() => {
    throw new CtflowError('CTFLOW_PERMISSION', 'denied', 'x');
  });
  t.true(failing.watch.uncounted);
  t.regex(failing.said().join(), /cannot be read: .*denied/);
});
