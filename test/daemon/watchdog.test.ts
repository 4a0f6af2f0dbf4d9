import test from 'ava';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { Readiness } from '../../src/daemon/readiness.js';
import { Service } from '../../src/daemon/service.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { udpCollector } from '../helpers/fakes/collector-socket.js';
import { FakeSource } from '../helpers/fakes/fake-source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { eventually } from '../helpers/eventually.js';

const WATCHDOG_MS = 2_000;

test('a poll that hangs stops the watchdog of an exporter; one that fails does not', async t => {
  const { log, lines } = listeningLogger();
  const source = new FakeSource([{ connections: [] }, { fails: new Error('no') }, { connections: [] }]);
  const { endpoint } = await udpCollector(t);
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    maxConnections: 1_000,
    backend: createFallbackBackend(),
    source,
    destinations: [{ ...DESTINATION_DEFAULTS, observationDomain: 1, endpoint }],
    log,
  });
  t.teardown(() => exporter.close());
  let beats = 0;
  const notify = (...words: readonly string[]): void => void (words.includes('WATCHDOG=1') && beats++);
  const service = new Service({ watchdog: WATCHDOG_MS, notify }, log);
  t.teardown(() => service.close());
  const stats = (): ReturnType<Exporter['stats']> => exporter.stats();
  service.follow({ readiness: new Readiness(stats), stats, status: () => '' });
  await exporter.open();
  await eventually('a poll has failed, and the watchdog is told', () => stats().poll.incomplete > 0 && beats > 1);

  const stuck = (): boolean => lines.some(({ msg }) => String(msg).startsWith('polls do not go on'));
  let end = (): void => {};
  source.gate = new Promise<void>(resolve => (end = resolve));
  await eventually('it is stuck', () => stats().poll.behind > WATCHDOG_MS / 2 && stuck());
  const before = beats;
  await eventually('it looks again and again', () => stats().poll.behind > WATCHDOG_MS * 1.5);
  t.is(beats, before);
  end();
  await eventually('polls go on', () => beats > before);
});
