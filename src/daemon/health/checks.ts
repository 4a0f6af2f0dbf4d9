import type { DestinationStats } from '../../destination/destination-stats.js';
import type { PollStats } from '../../ingest/poller.js';
import type { CertificateExpiry } from '../metrics/certificates.js';

/** Milliseconds by which a poll may be late, and the same in intervals, whichever is more. */
const MOST_BEHIND_MS = 60_000;
const MOST_INTERVALS = 3;
/** Share of the kernel's table above which new connections are soon refused. */
const NEARLY_FULL = 0.95;

/** What is known while the checks are made. */
export interface HealthFacts {
  readonly poll: Pick<PollStats, 'behind' | 'interval'>;
  /** What the exporter waits for before it is ready, in words. */
  readonly waitsFor: readonly string[];
  readonly stopping: boolean;
  readonly destinations: readonly Pick<DestinationStats, 'name' | 'endpoint' | 'connected'>[];
  /** The kernel's table, where there is one. */
  readonly table: { readonly entries: number; readonly limit?: number | undefined } | undefined;
  readonly certificates: readonly CertificateExpiry[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Check {
  readonly status: 'ok' | 'failed';
  readonly message: string;
}

/** By name. */
export type Checks = Readonly<Record<string, Check>>;

const ok = (message: string): Check => ({ status: 'ok', message });
const failed = (message: string): Check => ({ status: 'failed', message });
const when = (good: boolean, message: string): Check => (good ? ok(message) : failed(message));

/** Of the polls of several exporters the one that is nearest to being stuck. */
export function latest<Poll extends HealthFacts['poll']>(polls: readonly Poll[]): Poll | undefined {
  return largest(polls, ({ behind, interval }) => behind / mostBehind(interval));
}

/** Of several tables the one that is nearest to being full. */
export function fullest<Table extends NonNullable<HealthFacts['table']>>(tables: readonly Table[]): Table | undefined {
  return largest(tables, ({ entries, limit }) => entries / (limit || Number.POSITIVE_INFINITY));
}

function largest<T>(all: readonly T[], of: (one: T) => number): T | undefined {
  return all.toSorted((one, other) => of(other) - of(one))[0];
}

function mostBehind(interval: number): number {
  return Math.max(MOST_BEHIND_MS, MOST_INTERVALS * interval);
}

/** Whether a restart would help: a collector that is away is no reason. */
export function livenessChecks({ poll: { behind, interval } }: Pick<HealthFacts, 'poll'>): Checks {
  const stuck = behind > mostBehind(interval);
  return { polls: when(!stuck, behind > 0 ? `${seconds(behind)} behind` : 'in time') };
}

/** Whether it does its work: the first poll is stored, each destination was tried, and it does not stop. */
export function readinessChecks({ waitsFor, stopping }: Pick<HealthFacts, 'waitsFor' | 'stopping'>): Checks {
  return {
    started: waitsFor.length === 0 ? ok('yes') : failed(`waits for ${waitsFor.join(', ')}`),
    running: stopping ? failed('ctflow stops') : ok('yes'),
  };
}

/** All of it: what somebody who looks after it wants to know. */
export function healthChecks(facts: HealthFacts): Checks {
  const { destinations, table, certificates, now } = facts;
  const checks: Record<string, Check> = { ...livenessChecks(facts), ...readinessChecks(facts) };
  for (const { name, endpoint, connected } of destinations)
    checks[`destination ${name}`] = when(connected, `${endpoint} is ${connected ? 'connected' : 'not connected'}`);
  if (table) {
    const { entries, limit = 0 } = table;
    const share = limit === 0 ? '' : ` of ${limit}`;
    checks['table'] = when(limit === 0 || entries < limit * NEARLY_FULL, `${entries}${share} entries`);
  }
  for (const { destination, setting, file, expires } of certificates) {
    const over = expires * 1000 <= now;
    const date = new Date(expires * 1000).toISOString().slice(0, 10);
    checks[`${setting} ${destination}`] = when(!over, `${file} ${over ? 'expired' : 'expires'} on ${date}`);
  }
  return checks;
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`;
}
