import { readFileSync } from 'node:fs';
import { Collections, type Span } from './collections.js';
import { plantedWork } from './planted-work.js';
import { Turns } from './turns.js';
import type { Taken, Timing } from './timing.js';
import { isFloor, isOurs } from '../results/results.js';
import type { Case, Times } from '../subject.js';

/** Where nobody says how many operations go before the first that counts: so many at least, */
const WARM_UPS = 5;
/** and so much of the time that a case has. The compiler takes longer over code that is soon done. */
const WARM_UP_SHARE = 0.5;
/** So many times the samples wanted may be void before it is given up. */
const MOST_VOID = 3;

interface Samples {
  readonly one: Case;
  readonly wall: number[];
  readonly cpu: number[];
  readonly reasons: string[];
  /** When the operations that count began and ended. */
  readonly spans: Span[];
  /** Seconds of all operations. */
  spent: number;
}

const BUCKETS = '/proc/sys/net/netfilter/nf_conntrack_buckets';
/** While the kernel moves its entries to another hash table, a dump leaves some out and shows others twice. */
const RESIZED = 'the hash table of the kernel was resized meanwhile';

/**
 * One sample of each case in turn, so that what disturbs the machine meets all of them. A sample is one operation.
 * @param buckets of the kernel's hash table, which all network namespaces of a host share
 */
export async function sampleInTurn(
  cases: readonly Case[],
  timing: Timing,
  buckets: () => string = readBuckets,
): Promise<Taken[]> {
  const all = cases.map((one): Samples => ({ one, wall: [], cpu: [], reasons: [], spans: [], spent: 0 }));
  await warmUp(cases, timing, buckets);
  const collections = new Collections();
  const turns = new Turns(timing.paired === true);
  for (let wanted = all; wanted.length > 0; wanted = wantingMore(all, timing)) {
    for (const samples of wanted) {
      await turns.mine();
      await take(samples, buckets);
    }
  }
  const gc = await collections.end(all.map(({ spans }) => spans));
  return all.map(({ one, wall, cpu, reasons }, i) => ({
    samples: wall,
    cpu,
    gc: gc[i],
    extra: { ...one.extra?.(), ...(reasons.length > 0 && { void: reasons.length, why: reasons[0] }) },
  }));
}

/** In turn, as the samples: a peer that takes long is not beside a ctflow that has just begun. */
async function warmUp(cases: readonly Case[], { warmUps, seconds }: Timing, buckets: () => string): Promise<void> {
  const spent = new Map(cases.map(one => [one, 0]));
  const cold = (one: Case, done: number): boolean =>
    warmUps === undefined ? done < WARM_UPS || spent.get(one)! < seconds * WARM_UP_SHARE : done < warmUps;
  const stillCold = (done: number): readonly Case[] => cases.filter(one => cold(one, done));
  for (let done = 0, wanted = stillCold(0); wanted.length > 0; wanted = stillCold(++done)) {
    for (const one of wanted) spent.set(one, spent.get(one)! + (await once(one, buckets)).times.wall);
  }
}

/** Floors have no time of their own: they are beside ctflow as long as it is measured. */
function wantingMore(all: readonly Samples[], timing: Timing): Samples[] {
  const wanting = all.filter(samples => wantsMore(samples, timing));
  const oursToo = wanting.some(({ one }) => isOurs(one));
  return all.filter(samples => (isFloor(samples.one) ? oursToo : wanting.includes(samples)));
}

function wantsMore({ wall, reasons, spent }: Samples, { samples, seconds }: Timing): boolean {
  if (reasons.length > samples * MOST_VOID) return false;
  return wall.length < samples || spent < seconds;
}

async function take(samples: Samples, buckets: () => string): Promise<void> {
  const { times, reason, span } = await once(samples.one, buckets);
  samples.spent += times.wall;
  if (reason !== undefined) {
    samples.reasons.push(reason);
    return;
  }
  samples.wall.push(times.wall);
  samples.cpu.push(times.cpu);
  samples.spans.push(span);
}

/** @returns seconds of the operation alone, and why they do not count */
async function once(
  one: Case,
  buckets: () => string,
): Promise<{ times: Times; reason: string | undefined; span: Span }> {
  await one.prepare?.();
  const before = buckets();
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint(); // performance.now() may be put forward, see workload/clock.ts
  const returned = one.operation();
  const measured = returned === undefined ? undefined : await returned;
  plantedWork(cpu);
  const ended = process.hrtime.bigint();
  const { user, system } = process.cpuUsage(cpu);
  const times = measured ?? { wall: Number(ended - began) / 1e9, cpu: (user + system) / 1e6 };
  const span = [Number(began) / 1e9, Number(ended) / 1e9] as const;
  const resized = buckets() !== before;
  try {
    const reason = await one.check?.();
    return { times, reason: resized ? RESIZED : reason, span };
  } catch (error) {
    if (!resized) throw error;
    return { times, reason: RESIZED, span };
  }
}

function readBuckets(): string {
  try {
    return readFileSync(BUCKETS, 'utf8');
  } catch {
    return ''; // no conntrack here
  }
}
