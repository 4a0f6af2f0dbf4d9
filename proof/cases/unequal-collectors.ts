import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pause } from '../../src/cli/demo/pause.js';
import type { ProofCase } from '../case.js';
import { COLLECTOR_PORT } from '../collector-process.js';
import { Scene } from '../scene.js';
import { found, holds, NOTHING_LOST, nothingLost } from './criteria.js';

const PROGRAM = fileURLToPath(new URL('../slow-collector-program.js', import.meta.url));
/** Octets a second: of a few hundred records. */
const SLOW = 50_000;
/** Seconds without a record. */
const STANDSTILL = 3;
/** Seconds from the first flow until records come. */
const BEGINNING = 3;

export const slowBeside: ProofCase = {
  name: 'slow-beside',
  title: 'a TCP collector that reads 50 kB/s beside a healthy one',
  criterion: `${NOTHING_LOST} at the healthy one, at most ${STANDSTILL} s without a record there`,
  async run(scope, size) {
    const flags = ['--collector', `tcp://127.0.0.2:${COLLECTOR_PORT}`, '--shutdown-timeout', '120s'];
    const timeouts = ['--active-flow-export-timeout', '1s', '--flow-poll-interval', '1s'];
    let letGo = (): void => {};
    // some twenty seconds of traffic, whatever the size
    const scene = await Scene.open(
      scope,
      { ...size, rate: Math.max(Math.ceil(size.flows / 20), 1) },
      {
        traffic: { mix: { udp: 6, icmp: 1, tcp: 2, refused: 1 } },
        exporter: [...flags, ...timeouts],
        beforeExporter: async ({ router }) => {
          const slow = router.spawn(process.execPath, [PROGRAM, String(COLLECTOR_PORT), String(SLOW)]);
          scope.teardown(() => void slow.kill('SIGKILL'));
          await once(createInterface({ input: slow.stdout }), 'line');
          letGo = () => slow.stdin.end();
        },
      },
    );
    let done = false;
    scene.traffic.begin();
    const traffic = scene.traffic.done().finally(() => (done = true));
    await pause(BEGINNING * 1_000);
    let longest = 0;
    for (let before = scene.collected(), since = performance.now(); !done;) {
      await pause(100);
      const collected = scene.collected();
      if (collected === before) longest = Math.max(longest, performance.now() - since);
      else [before, since] = [collected, performance.now()];
    }
    await traffic;
    letGo();
    const evidence = await scene.conclude();
    const seconds = longest / 1_000;
    return found(
      evidence,
      [
        ...nothingLost(evidence),
        ...holds(seconds <= STANDSTILL, `the healthy collector had no record for ${seconds.toFixed(1)} s`),
      ],
      { notes: [`longest time without a record: ${seconds.toFixed(1)} s`] },
    );
  },
};

/** Ended connections that may wait: a small part of those that end at once. */
const QUEUE = 2_000;
const AT_ONCE = 100_000;
/** Seconds; nothing ends by itself. */
const LONG_TIMEOUT = 600;

export const endsInBurst: ProofCase = {
  name: 'ends-in-burst',
  title: `up to ${AT_ONCE} connections deleted at once, room for ${QUEUE} ended ones`,
  criterion: `${NOTHING_LOST}, none dropped from the queue of ended connections`,
  async run(scope, size) {
    const scene = await Scene.open(
      scope,
      { ...size, flows: Math.min(size.flows, AT_ONCE), timeout: LONG_TIMEOUT },
      { traffic: { mix: { udp: 1 }, long: 0 }, exporter: ['--ended-queue', String(QUEUE)] },
    );
    scene.traffic.begin();
    await scene.traffic.done();
    await scene.topology.router.run('conntrack', ['-F']);
    const evidence = await scene.conclude({ patient: true });
    const dropped = evidence.exporter.stats!.destinations.reduce(
      (sum, { endedOverflow }) => sum + endedOverflow!.connections,
      0,
    );
    return found(evidence, [...nothingLost(evidence), ...holds(dropped === 0, `${dropped} were dropped`)]);
  },
};
