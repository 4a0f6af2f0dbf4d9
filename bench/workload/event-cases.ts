import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../src/backend/backend.js';
import { EXPORTER_DEFAULTS, type ExporterStats } from '../../src/exporter.js';
import type { ProfileName } from '../../src/ipfix/profile.js';
import { Companion } from '../host/companion.js';
import { same } from '../same.js';
import type { Case, Scene, Times } from '../subject.js';
import { EventExporter } from './event-exporter.js';
import type { KernelTable } from './kernel-table.js';

/** Milliseconds in which V8 has swept, on a thread of its own. */
const SWEEP_MS = 50;

/** Of each connection. Where NEW is one of them, it begins while it is timed; else it ends alone. */
export type Events = 'destroy' | 'new,destroy';

/** What is measured of an exporter. */
export interface Exporting {
  readonly name: string;
  readonly profile: ProfileName;
  readonly events: Events;
  /** Of a connection. */
  readonly records: number;
  /** As of {@link Case.check}. */
  check(stats: ExporterStats, connections: number): string | undefined;
}

/** The floor: the datagrams of the events are read and thrown away. */
export async function readCase(
  { sizes: { connections, mtu } }: Scene,
  table: KernelTable,
  events: Events,
): Promise<Case> {
  const reader = await Companion.start('events', String(EXPORTER_DEFAULTS.eventBuffer), events);
  const wanted = connections * events.split(',').length;
  let datagrams = 0;
  return {
    name: 'read the datagrams',
    backend: 'kernel',
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      if (events === 'destroy') await table.begin(connections);
      await reader.ask('join');
    },
    async operation(): Promise<Times> {
      const began = process.hrtime.bigint();
      const reading = reader.ask<{ datagrams: number; cpu: number }>(`read ${wanted}`);
      if (events !== 'destroy') await table.begin(connections);
      await table.end(connections);
      const { cpu, ...read } = await reading;
      datagrams = read.datagrams;
      return { wall: Number(process.hrtime.bigint() - began) / 1e9, cpu };
    },
    check: () => (datagrams === wanted ? undefined : `${datagrams} of ${wanted} events were read`),
    close: () => reader.close(),
  };
}

/** The exporter, which is there in its own turns alone: who listens while another is measured takes a core from it. It closes the table. */
export function exportCase(
  scene: Scene,
  backend: Backend,
  table: KernelTable,
  { name, profile, events, records, check }: Exporting,
): Case {
  const { connections, mtu } = scene.sizes;
  let exporter: EventExporter;
  let before = 0;
  let facts = {};
  return {
    name,
    backend: backend.name,
    parameters: { connections, mtu },
    items: connections,
    async prepare() {
      exporter = await EventExporter.open(scene, backend, profile);
      globalThis.gc?.(); // the exporter before, whose tables are as large
      await sleep(SWEEP_MS);
      if (events === 'destroy') await table.begin(connections);
      before = exporter.stats.recordsExported;
    },
    async operation() {
      if (events !== 'destroy') await table.begin(connections);
      await table.end(connections);
      await exporter.untilExported(before + connections * records);
    },
    async check() {
      const { stats } = exporter;
      same('records exported', stats.recordsExported - before, connections * records);
      const reason = check(stats, connections) ?? (await exporter.check(connections * records));
      facts = exporter.extra();
      await exporter.close();
      return reason;
    },
    extra: () => facts,
    close: () => table.close(),
  };
}
