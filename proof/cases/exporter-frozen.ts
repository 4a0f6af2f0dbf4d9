import { pause } from '../../src/cli/demo/pause.js';
import type { Finding, ProofCase } from '../case.js';
import { Scene, type Size } from '../scene.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { found, holds, none } from './criteria.js';

/** Fewer than the receive buffer has room for. */
const WITHIN_BUFFER = 40_000;
/** Room for every connection that ended meanwhile; none is seen by a poll before. */
const FLAGS = ['--ended-queue', '1000000'];
/** The kernel may come late to take an expired entry out of its table where nobody reads it; seconds. */
const LATE = 75;
const NO_BPF = ['setpriv', '--bounding-set=-bpf,-sys_admin', '--'];
const COUNTED =
  'no packet refused for lack of room; missing as many connections as events.lost counts, less those that polls saw; doubled 0';

export const exporterFrozen: ProofCase = {
  name: 'exporter-sigstop',
  title: `the exporter frozen by SIGSTOP while up to ${WITHIN_BUFFER} connections end`,
  criterion: 'no packet refused for lack of room, missing 0, doubled 0',
  async run(scope, size) {
    const finding = await standStill(scope, { ...size, flows: Math.min(size.flows, WITHIN_BUFFER) });
    return { ...finding, failures: [...finding.failures, ...none('missing', finding.missing)] };
  },
};

export const exporterFrozenOver: ProofCase = {
  name: 'exporter-sigstop-over',
  title: 'the exporter frozen by SIGSTOP while more connections end than buffer and budget have room for',
  criterion: COUNTED,
  run: standStill,
};

export const exporterFrozenNoBpf: ProofCase = {
  name: 'exporter-sigstop-no-bpf',
  title: 'the same without CAP_BPF',
  criterion: COUNTED,
  run: (scope, size) => standStill(scope, size, NO_BPF),
};

/** All of the traffic passes while the exporter stands still, for `freeze` seconds. */
async function standStill(scope: Scope, size: Size, before: readonly string[] = []): Promise<Finding> {
  const rate = Math.max(1, Math.ceil(size.flows / size.freeze));
  const scene = await Scene.open(
    scope,
    { ...size, rate },
    // the limit stays as it is, so that the table would be full without a guard
    { traffic: { mix: { udp: 30, icmp: 1 }, long: 0 }, exporter: FLAGS, before, entries: rate * LATE },
  );
  await scene.exporter.freeze();
  const began = performance.now();
  scene.traffic.begin();
  let most = 0;
  while (performance.now() - began < size.freeze * 1000) {
    await pause(500);
    most = Math.max(most, await scene.topology.entries());
  }
  await scene.traffic.done();
  process.kill(scene.exporter.pid, 'SIGCONT');
  const evidence = await scene.conclude({ patient: true });
  const { balance, exporter, faults } = evidence;
  const { events, store } = exporter.stats!;
  const { guard, lost } = events!;
  const refused = faults.drop + faults.earlyDrop;
  return found(
    evidence,
    [
      ...holds(refused === 0, `${refused} packets or connections had no room in the kernel's table`),
      ...holds(
        balance.missing.connections === lost - store.eventless,
        `${balance.missing.connections} connections are missing; ${lost} events were lost, ${store.eventless} of connections that polls saw`,
      ),
      ...none('doubled', balance.doubled),
    ],
    {
      // this is what is looked for, and no fault of the run
      faults: { ...faults, drop: 0, earlyDrop: 0 },
      notes: [
        `frozen for ${size.freeze} s; guard ${guard}; ${lost} events lost, ${store.eventless} of connections that polls saw; at most ${most} entries in the table`,
      ],
    },
  );
}
