import type { Taken, Timing } from './timing.js';
import type { Case, Times } from '../subject.js';

/** Where nobody says how many operations go before the first that counts. */
const WARM_UPS = 5;
/** So many times the samples wanted may be void before it is given up. */
const MOST_VOID = 3;

interface Samples {
  readonly one: Case;
  readonly wall: number[];
  readonly cpu: number[];
  readonly reasons: string[];
  /** Seconds of all operations. */
  spent: number;
}

/** One sample of each case in turn, so that what disturbs the machine meets all of them. A sample is one operation. */
export async function sampleInTurn(cases: readonly Case[], timing: Timing): Promise<Taken[]> {
  const all = cases.map((one): Samples => ({ one, wall: [], cpu: [], reasons: [], spent: 0 }));
  for (let i = 0; i < (timing.warmUps ?? WARM_UPS); i++) for (const { one } of all) await once(one);
  for (let wanted = all; wanted.length > 0; wanted = all.filter(samples => wantsMore(samples, timing))) {
    for (const samples of wanted) await take(samples);
  }
  return all.map(({ one, wall, cpu, reasons }) => ({
    samples: wall,
    cpu,
    extra: { ...one.extra?.(), ...(reasons.length > 0 && { void: reasons.length, why: reasons[0] }) },
  }));
}

function wantsMore({ wall, reasons, spent }: Samples, { samples, seconds }: Timing): boolean {
  if (reasons.length > samples * MOST_VOID) return false;
  return wall.length < samples || spent < seconds;
}

async function take(samples: Samples): Promise<void> {
  const { times, reason } = await once(samples.one);
  samples.spent += times.wall;
  if (reason !== undefined) {
    samples.reasons.push(reason);
    return;
  }
  samples.wall.push(times.wall);
  samples.cpu.push(times.cpu);
}

/** @returns seconds of the operation alone, and why they do not count */
async function once(one: Case): Promise<{ times: Times; reason: string | undefined }> {
  await one.prepare?.();
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint(); // performance.now() may be put forward, see workload/clock.ts
  const returned = one.operation();
  const measured = returned === undefined ? undefined : await returned;
  const wall = Number(process.hrtime.bigint() - began);
  const { user, system } = process.cpuUsage(cpu);
  const times = measured ?? { wall: wall / 1e9, cpu: (user + system) / 1e6 };
  return { times, reason: await one.check?.() };
}
