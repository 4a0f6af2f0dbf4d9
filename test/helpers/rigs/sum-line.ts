import type { Backend } from '../../../src/backend/backend.js';
import { SumBatcher } from '../../../src/destination/batchers/sum-batcher.js';
import { aggregateProfile, type AggregateKey } from '../../../src/ipfix/profile-aggregate.js';
import type { ExportSchedule } from '../../../src/schedule/export-schedule.js';
import type { DestinationJournal } from '../../../src/state/destination-journal.js';
import { Decoder, valuesOf } from '../builders/wire.js';
import type { ExporterLife, LifeLine } from './exporter-life.js';
import type { Report } from './report.js';
import { SessionRig } from './session-rig.js';

/** Shorter than a few steps of a life; milliseconds. */
const INTERVAL = 50;

/** A destination that aggregates; its collector is told what the bytes of its messages say. */
export class SumLine implements LifeLine {
  readonly journal: DestinationJournal;
  readonly batcher: SumBatcher;
  readonly #life: ExporterLife;
  readonly #told: Report[];
  readonly #rig: SessionRig;
  readonly #decoder = new Decoder('tcp');
  /** What the transport has, the oldest first. */
  readonly #queue: Report[] = [];

  constructor(
    backend: Backend,
    { keys, limit }: { keys: readonly AggregateKey[]; limit: number },
    life: ExporterLife,
    journal: DestinationJournal,
    told: Report[],
  ) {
    this.#life = life;
    this.#told = told;
    this.journal = journal;
    this.#rig = new SessionRig(backend, {
      limit: 300,
      unreliable: false,
      profile: aggregateProfile(keys, 'reverse', undefined),
    });
    const options = {
      activeFlowExportTimeout: 0,
      idleFlowExportTimeout: 100,
      staleConnectionTimeout: 100_000,
      endedQueue: 64,
      zeroDeltas: 'none',
      aggregation: { keys, limit, interval: INTERVAL },
      denied: false,
    } as const;
    this.batcher = new SumBatcher(
      { store: life.store, extras: {} },
      options,
      this.#rig.session,
      journal,
      () => life.now,
    );
  }

  get schedule(): ExportSchedule {
    return this.batcher.schedule;
  }

  export(): void {
    while (this.batcher.take(3));
    this.batcher.export(1_000);
    for (const record of this.#decoder.decode(this.#rig.transport.take())) {
      const values = valuesOf(record);
      const names = ['packetDeltaCount', 'octetDeltaCount', 'reversePacketDeltaCount', 'reverseOctetDeltaCount'];
      const deltas = names.map(name => BigInt(String(values[name] ?? 0)));
      this.#queue.push({ deltas, port: Number(values['sourceTransportPort'] ?? -1) } as unknown as Report);
    }
  }

  endAll(): void {
    this.batcher.endAll();
  }

  settle(most = Infinity): void {
    if (this.#life.killed) return;
    const out = this.#queue.splice(0, most);
    this.#told.push(...out);
    this.journal.settled(out.length);
  }

  close(): void {
    if (this.#queue.length > 0) this.journal.withdraw();
  }
}
