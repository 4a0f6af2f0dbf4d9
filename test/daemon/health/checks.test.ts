import test from 'ava';
import {
  healthChecks,
  type Checks,
  type HealthFacts,
  livenessChecks,
  readinessChecks,
} from '../../../src/daemon/health/checks.js';

const CERTIFICATE = { destination: 'main', setting: 'tlsCertificate', file: '/etc/own.pem', expires: 2_000 } as const;

/** All is well. */
const WELL: HealthFacts = {
  poll: { behind: 0, interval: 5_000 },
  waitsFor: [],
  stopping: false,
  destinations: [{ name: 'main', endpoint: 'tcp://192.0.2.1:4739', connected: true }],
  table: { entries: 100, limit: 1_000 },
  certificates: [CERTIFICATE],
  now: 1_999_999,
};

const failing = (checks: Checks): Record<string, string> =>
  Object.fromEntries(
    Object.entries(checks).flatMap(([name, { status, message }]) => (status === 'failed' ? [[name, message]] : [])),
  );

test('where all is well no check fails, and each says how things are', t => {
  t.deepEqual(healthChecks(WELL), {
    polls: { status: 'ok', message: 'in time' },
    started: { status: 'ok', message: 'yes' },
    running: { status: 'ok', message: 'yes' },
    'destination main': { status: 'ok', message: 'tcp://192.0.2.1:4739 is connected' },
    table: { status: 'ok', message: '100 of 1000 entries' },
    'tlsCertificate main': { status: 'ok', message: '/etc/own.pem expires on 1970-01-01' },
  });
  t.deepEqual(failing(healthChecks({ ...WELL, table: { entries: 5_000, limit: 0 } })), {});
  t.deepEqual(Object.keys(healthChecks({ ...WELL, table: undefined, destinations: [], certificates: [] })), [
    'polls',
    'started',
    'running',
  ]);
});

const FAILURES = [
  ['polls stand still', { poll: { behind: 60_001, interval: 5_000 } }, { polls: '60 s behind' }],
  ['it starts', { waitsFor: ['the first poll'] }, { started: 'waits for the first poll' }],
  ['it stops', { stopping: true }, { running: 'ctflow stops' }],
  [
    'a collector is away',
    { destinations: [{ ...WELL.destinations[0], connected: false }] },
    { 'destination main': 'tcp://192.0.2.1:4739 is not connected' },
  ],
  ['the table is nearly full', { table: { entries: 950, limit: 1_000 } }, { table: '950 of 1000 entries' }],
  ['a certificate has expired', { now: 2_000_000 }, { 'tlsCertificate main': '/etc/own.pem expired on 1970-01-01' }],
] as const;

for (const [what, changed, expected] of FAILURES) {
  test(`one check fails where ${what}`, t => {
    t.deepEqual(failing(healthChecks({ ...WELL, ...changed })), expected);
  });
}

test('each check is made to fail', t => {
  const failed = FAILURES.flatMap(([, , expected]) => Object.keys(expected));
  t.deepEqual(failed.sort(), Object.keys(healthChecks(WELL)).sort());
});

test('a long poll is no failure while intervals are long as well', t => {
  t.deepEqual(failing(livenessChecks({ poll: { behind: 170_000, interval: 60_000 } })), {});
  t.deepEqual(failing(livenessChecks({ poll: { behind: 180_001, interval: 60_000 } })), { polls: '180 s behind' });
});

test('a collector that is away fails neither liveness nor readiness', t => {
  const away = { ...WELL, destinations: [{ ...WELL.destinations[0], connected: false }] };
  t.deepEqual(failing({ ...livenessChecks(away), ...readinessChecks(away) }), {});
});
