import { pause } from '../../src/cli/demo/pause.js';
import type { ConnectionCount } from '../balance.js';
import type { Finding, ProofCase, Uncertain } from '../case.js';
import type { ExporterProcess } from '../exporter-process.js';
import { Scene, type SceneOptions, type Size } from '../scene.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { lackingOf, Witness, type Span } from '../witness.js';
import { found, holds, none } from './criteria.js';

/** Parts of the traffic after which the exporter is ended. */
const RESTARTS = [0.2, 0.45, 0.7];
/** How often an exporter of files is killed, at any moments. */
const KILLS_OF_FILES = 20;
/** Seconds that its traffic lasts at least. */
const LONG = 40;
/** How long no exporter runs; milliseconds. */
const DOWN = 500;
/** An event takes as many bytes of a receive buffer at least, its sk_buff and skb_shared_info included. */
const EVENT_BYTES = 512;
/** Events that are read in one go. */
const EVENTS_IN_HAND = 64;
const NONE: Uncertain = { records: 0, packets: 0, octets: 0 };

export const exporterStopped: ProofCase = {
  name: 'exporter-sigterm',
  title: `the exporter ended by SIGTERM and started again, ${RESTARTS.length} times`,
  criterion: 'missing 0 beside what ended while no exporter ran, doubled 0',
  run: (scope, size) => restarts(scope, size, 'SIGTERM'),
};

export const exporterKilled: ProofCase = {
  name: 'exporter-sigkill',
  title: `the exporter ended by SIGKILL and started again, ${RESTARTS.length} times`,
  criterion:
    'missing at most what was uncertain after restarts, beside what ended while no exporter ran or was unread in the kernel; doubled 0',
  run: (scope, size) => restarts(scope, size, 'SIGKILL'),
};

export const filesKilled: ProofCase = {
  name: 'files-sigkill',
  title: `the exporter killed at ${KILLS_OF_FILES} random moments while it writes files, and others move them away`,
  criterion: exporterKilled.criterion,
  run(scope, size) {
    const parts = Array.from({ length: KILLS_OF_FILES }, () => Math.random() * 0.95).toSorted((a, b) => a - b);
    const rate = Math.max(Math.min(size.rate, Math.floor(size.flows / LONG)), 1);
    const exporter = ['--file-max-size', '64KiB', '--file-keep-size', 'off'];
    return restarts(scope, size, 'SIGKILL', parts, { traffic: { rate }, exporter, files: true });
  },
};

/** @param parts of the traffic after which it is ended */
async function restarts(
  scope: Scope,
  size: Size,
  signal: 'SIGTERM' | 'SIGKILL',
  parts: readonly number[] = RESTARTS,
  options: SceneOptions = {},
): Promise<Finding> {
  const scene = await Scene.open(scope, size, { ...options, state: true });
  const witness = await Witness.start(scene.topology.router);
  const down: Span[] = [];
  const lives = [scene.exporter];
  let unread = 0;
  scene.traffic.begin();
  for (const [i, part] of parts.entries()) {
    await scene.traffic.reached(part);
    if (options.files) scene.files.move(i % 2 === 0 ? 'closed' : 'open');
    if (signal === 'SIGKILL') await scene.exporter.freeze();
    const from = await witness.mark();
    if (signal === 'SIGKILL') unread += EVENTS_IN_HAND + Math.floor(scene.exporter.unread() / EVENT_BYTES);
    await scene.exporter.stop(signal);
    await pause(DOWN);
    await scene.restartExporter(async () => {
      down.push({ from, to: await witness.mark() });
    });
    lives.push(scene.exporter);
  }
  const evidence = await scene.conclude();
  const { ledger, balance, faults } = evidence;
  const { ended, overrun } = await witness.finish();
  const endedWhileDown = lackingOf(ended, down, ledger);
  const killed = down.map(({ from }, i) => ({ from: down[i - 1]?.to ?? 0, to: from }));
  const notExported = lackingOf(ended, signal === 'SIGKILL' ? killed : [], ledger);
  const rest = less(less(balance.missing, endedWhileDown), notExported);
  const uncertain = plus(lives.map(restartUncertain));
  const known = lives.map(countedWhileDown).reduce((total, count) => total + count, 0);
  const failures = [
    ...holds(
      notExported.connections <= uncertain.records + unread,
      `${notExported.connections} connections not exported; unread when killed: ${unread} events, uncertain: ${uncertain.records} records`,
    ),
    ...holds(
      rest.packets <= uncertain.packets && rest.octets <= uncertain.octets,
      `missing beside that: ${rest.octets} octets, ${rest.packets} packets; ` +
        `uncertain after restarts: ${uncertain.octets} octets, ${uncertain.packets} packets`,
    ),
  ];
  const recovered = lives.map(countedRecovered).reduce((total, count) => total + count, 0);
  return found(
    evidence,
    [...(signal === 'SIGTERM' ? none('missing beside that', rest) : failures), ...none('doubled', balance.doubled)],
    {
      faults: { ...faults, witness: overrun },
      endedWhileDown,
      ...(signal === 'SIGKILL' && { notExported, unread }),
      restartUncertain: uncertain,
      notes: [
        `the exporter itself counted ${known} connections that ended while it was down`,
        `it exported ${recovered} ended connections recovered from the previous run`,
      ],
    },
  );
}

/** What the exporter said at its start of the previous run, which was killed. */
function restartUncertain(exporter: ExporterProcess): Uncertain {
  const said = exporter.log().find(line => 'restartUncertain' in line)?.['restartUncertain'];
  return (said as Uncertain | undefined) ?? NONE;
}

/** How many connections ended before it began, by its own log. */
function countedWhileDown(exporter: ExporterProcess): number {
  return Number(exporter.log().find(line => 'endedWhileDown' in line)?.['endedWhileDown'] ?? 0);
}

/** How many ended connections it recovered from the previous run, by its own log. */
function countedRecovered(exporter: ExporterProcess): number {
  return Number(exporter.log().find(line => 'recovered' in line)?.['recovered'] ?? 0);
}

function plus(all: readonly Uncertain[]): Uncertain {
  return all.reduce(
    (total, { records, packets, octets }) => ({
      records: total.records + records,
      packets: total.packets + packets,
      octets: total.octets + octets,
    }),
    NONE,
  );
}

function less(missing: ConnectionCount, ended: ConnectionCount): ConnectionCount {
  return {
    connections: missing.connections - ended.connections,
    packets: missing.packets - ended.packets,
    octets: missing.octets - ended.octets,
  };
}
