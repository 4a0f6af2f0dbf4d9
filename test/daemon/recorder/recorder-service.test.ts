import test, { type ExecutionContext } from 'ava';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../../src/backend/backend.js';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import { configSchema } from '../../../src/config/run-settings.js';
import { RecorderService } from '../../../src/daemon/recorder/recorder-service.js';
import type { Exporter } from '../../../src/exporter.js';
import { CPU_COUNTERS, type TableStatistics } from '../../../src/sources/table-statistics.js';
import { FakeSource } from '../../helpers/fakes/fake-source.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { eventually } from '../../helpers/eventually.js';
import { destroys, shown } from '../../helpers/rigs/recorder-rig.js';
import { temporaryPath } from '../../helpers/temporary.js';

function table(entries: number, drop: number): TableStatistics {
  const none = Object.fromEntries(CPU_COUNTERS.map(name => [name, 0]));
  return { entries, limit: 100, cpus: [{ cpu: 0, ...none, drop }] } as unknown as TableStatistics;
}

async function open(t: ExecutionContext, directory: string, settings: Record<string, string> = {}) {
  const locked = new Set<number>();
  const lockFile = (fd: number): boolean => locked.size < locked.add(fd).size;
  const backend: Backend = { ...createFallbackBackend(), lockFile };
  const {
    destinations: _,
    record: __,
    ...read
  } = configSchema.parse({
    recordLast: '10m',
    recordSize: '4MiB',
    recordDirectory: directory,
    ...settings,
  });
  const service = (await RecorderService.open(read, backend, listeningLogger().log))!;
  t.teardown(() => service.close());
  return service;
}

test('without recordLast there is none', async t => {
  const { destinations: _, record: __, ...settings } = configSchema.parse({});
  t.is(await RecorderService.open(settings, createFallbackBackend(), listeningLogger().log), undefined);
});

test('a full table, and drops of the kernel, have a recording written that ends with a dump of now', async t => {
  const directory = temporaryPath(t, 'record');
  const service = await open(t, directory, { recordAtFill: '80', recordAtDrops: '10' });
  const source = Object.assign(new FakeSource(['end']), { statistics: () => table(85, 0) });
  let polls = 0;
  const exporter = {
    stats: () => ({}),
    // as an exporter's poll asks
    poll: async () => {
      polls++;
      if (service.recorder.beginDump()) await service.pollHook.afterDump!(true);
    },
  } as unknown as Exporter;
  service.recorder.events({ messages: destroys(1), lost: 0 });
  service.watch(exporter, source);
  service.start();
  await eventually('a recording', () => service.stats().recordings === 1);
  const names = readdirSync(directory).filter(name => name.startsWith('recording-'));
  t.regex(names.join(), /^recording-\S+Z-table-fill\.ctflow$/);
  t.is(polls, 1);
  t.is((await shown(join(directory, names[0])))[0], 'destroyed 1');
  t.deepEqual(service.stats().conditions, { 'table-fill': 1, drops: 0, suppressed: 0 });
});

test('who asks while a recording is being written gets the same', async t => {
  const directory = temporaryPath(t, 'record');
  const service = await open(t, directory);
  const [one, other] = await Promise.all([service.write('command'), service.write('signal')]);
  t.is(one.path, other.path);
  t.is(readdirSync(directory).filter(name => name.startsWith('recording-')).length, 1);
});

test('a folder that cannot be used is an error that says what to do', async t => {
  const file = temporaryPath(t, 'file');
  writeFileSync(file, '');
  const error = await t.throwsAsync(open(t, join(file, 'record')));
  t.like(error, { code: 'CTFLOW_RECORDING' });
  t.regex(error.message, /The flight recorder cannot write .*\/file\/record \(ENOTDIR\)/);
});
