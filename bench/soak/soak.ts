import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../src/backend/backend.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { createLogger } from '../../src/common/logger.js';
import { CountingSink } from '../host/counting-sink.js';
import { COLLECTOR_PORT } from '../host/kernel-namespace.js';
import { destinationOptions } from '../workload/destination.js';
import type { SoakKind, SoakOptions, SoakSummary } from './options.js';
import { kernelTable, replayedTable, type SoakTable } from './tables.js';

/** A poll that is late is waited for. */
const LOOK_MS = 10;

/** Polls and exports while connections come and go: half an interval before each poll. */
export async function soak(kind: SoakKind, backend: Backend, options: SoakOptions): Promise<SoakSummary> {
  const sink = await CountingSink.open(options.family, kind === 'kernel' ? COLLECTOR_PORT : 0);
  const table = kind === 'kernel' ? await kernelTable(backend, options) : replayedTable(options);
  const cpu = process.cpuUsage();
  const began = performance.now();
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: options.interval,
    // what is there at first is not left out of the records
    firstSight: 'total',
    backend,
    source: table.source,
    ...(table.events && { events: table.events }),
    destinations: [destinationOptions(sink, options.mtu)],
    log: createLogger('error'),
  });
  await exporter.open();
  const { course, rawDumps } = await run(exporter, table, options);
  await exporter.close();
  const { user, system } = process.cpuUsage(cpu);
  const madeUp = table.madeUp();
  const { store, poll, recordsExported } = exporter.stats();
  const { records } = await sink.arrived(recordsExported);
  await sink.close();
  await table.close();
  return {
    kind,
    connections: store.added,
    entryReads: poll.rows,
    sent: recordsExported,
    received: records,
    wall: (performance.now() - began) / 1000,
    cpu: (user + system) / 1e6 - madeUp,
    madeUp,
    ...(table.rawDump && { rawDumps }),
    peakRss: process.resourceUsage().maxRSS * 1024,
    course,
  };
}

async function run(
  exporter: Exporter,
  table: SoakTable,
  { duration, interval }: SoakOptions,
): Promise<{ course: [number, number][]; rawDumps: { dumps: number; cpu: number } }> {
  const course: [number, number][] = [];
  const rawDumps = { dumps: 0, cpu: 0 };
  const began = performance.now();
  for (let at = interval / 2; at < duration; at += interval) {
    await sleep(Math.max(0, began + at - performance.now()));
    course.push([exporter.stats().connections, process.memoryUsage.rss()]);
    while (!table.shown()) await sleep(LOOK_MS);
    await table.change();
    if (!table.rawDump) continue;
    rawDumps.cpu += await table.rawDump();
    rawDumps.dumps++;
  }
  await sleep(Math.max(0, began + duration + interval / 2 - performance.now()));
  course.push([exporter.stats().connections, process.memoryUsage.rss()]);
  return { course, rawDumps };
}
