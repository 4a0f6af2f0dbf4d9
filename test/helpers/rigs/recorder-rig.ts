import { setTimeout as sleep } from 'node:timers/promises';
import { FlightRecorder, type RecorderOptions } from '../../../src/daemon/recorder/flight-recorder.js';
import { decode } from '../../../src/netlink/decode.js';
import { ORIG_SPORT, ROW_SIZE } from '../../../src/row/layout.generated.js';
import type { Batch } from '../../../src/row/batch.js';
import { ReplaySource } from '../../../src/sources/replay.js';
import { addresses, answer, CLIENT, DELETE, DONE, entry, NEW, ports, SERVER } from '../builders/netlink-builder.js';
import { listeningLogger } from '../fakes/listening-logger.js';

const MIB = 1 << 20;

/** A TCP connection that its source port names, as a dump has it, or an event. */
export function connection(port: number, type = NEW): Buffer {
  return entry(
    2,
    [
      [1, [addresses(CLIENT, SERVER), ports(6, port, 443)]],
      [2, [addresses(SERVER, CLIENT), ports(6, 443, port)]],
    ],
    true,
    type,
  );
}

/** DESTROY events of these. */
export function destroys(...some: readonly number[]): Buffer {
  return Buffer.concat(some.map(port => connection(port, DELETE)));
}

/** A flight recorder on a real disk, with a clock of its own. */
export class RecorderRig {
  readonly recorder: FlightRecorder;
  readonly log: ReturnType<typeof listeningLogger>;
  /** Milliseconds. */
  now: { time: number };

  private constructor(recorder: FlightRecorder, log: ReturnType<typeof listeningLogger>, now: { time: number }) {
    this.recorder = recorder;
    this.log = log;
    this.now = now;
  }

  static async open(directory: string, options: Partial<RecorderOptions> = {}): Promise<RecorderRig> {
    const now = { time: 0 };
    const log = listeningLogger();
    const recorder = await FlightRecorder.open({
      directory,
      size: 4 * MIB,
      last: 600_000,
      rate: 8 * MIB,
      cpu: 100,
      keep: 2,
      cpuClock: () => 0,
      entries: () => undefined,
      log: log.log,
      clock: () => now.time,
      ...options,
    });
    return new RecorderRig(recorder, log, now);
  }

  /** One poll. @returns whether its dump was wanted */
  async dump(some: readonly number[], during: readonly number[] = [], complete = true): Promise<boolean> {
    const wanted = this.recorder.beginDump();
    if (wanted) {
      this.recorder.dumped(Buffer.concat(some.map(port => connection(port))));
      if (during.length > 0) this.destroy(...during);
      this.recorder.dumped(answer(DONE, 0));
    }
    await this.recorder.pollHook.afterDump!(complete);
    return wanted;
  }

  destroy(...some: readonly number[]): void {
    this.recorder.events({ messages: destroys(...some), lost: 0 });
  }

  /** Until the disk has everything. */
  async written(): Promise<void> {
    while (this.recorder.stats().waiting > 0) await sleep(1);
  }
}

/** What a recording shows, in its order: `dump 1 2`, `destroyed 3`; `part 1` for a dump that is not whole. */
export async function shown(path: string): Promise<string[]> {
  const source = new ReplaySource(path, decode);
  const lines: string[] = [];
  try {
    for (;;) {
      const dumped: number[] = [];
      const summary = await source.dump(
        batch => void dumped.push(...portsOf(batch)),
        batch => void lines.push(`destroyed ${portsOf(batch).join(' ')}`),
      );
      if (!summary) return lines;
      lines.push(`${summary.complete ? 'dump' : 'part'} ${dumped.join(' ')}`);
    }
  } finally {
    source.close();
  }
}

export function portsOf({ count, u16 }: Batch): number[] {
  return Array.from({ length: count }, (_, i) => u16[(i * ROW_SIZE + ORIG_SPORT) >> 1]);
}
