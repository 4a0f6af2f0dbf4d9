import type { Finding, ProofCase } from '../case.js';
import type { Protocol } from '../collector-process.js';
import { Scene, type Size } from '../scene.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { found, NOTHING_LOST, nothingLost } from './criteria.js';

/** Records a second that `ctflow collect --format json` takes, also on a busy machine. */
const TAKEN = 10_000;
/** No connection ends before the run does; seconds. */
const LASTING = 3_600;
const FLAGS = ['--active-flow-export-timeout', '1s', '--idle-flow-export-timeout', '1h', '--shutdown-timeout', '5m'];

export const dueAtOnceTcp: ProofCase = {
  name: 'due-at-once-tcp',
  title: 'a record of every flow due at once, over TCP',
  criterion: NOTHING_LOST,
  run: (scope, size) => dueAtOnce(scope, size, 'tcp'),
};

export const dueAtOnceUdp: ProofCase = {
  name: 'due-at-once-udp',
  title: 'a record of every flow due at once, over UDP',
  criterion: NOTHING_LOST,
  run: (scope, size) => dueAtOnce(scope, size, 'udp'),
};

/** All flows begin while the exporter stands still, so that one poll finds them. */
async function dueAtOnce(scope: Scope, size: Size, protocol: Protocol): Promise<Finding> {
  const pollInterval = Math.max(size.pollInterval, Math.ceil((size.flows / TAKEN) * 1000));
  const scene = await Scene.open(
    scope,
    { ...size, pollInterval, timeout: LASTING },
    { traffic: { mix: { udp: 1 }, long: 0 }, exporter: FLAGS, protocol },
  );
  await scene.exporter.freeze();
  scene.traffic.begin();
  await scene.traffic.done();
  process.kill(scene.exporter.pid, 'SIGCONT');
  const evidence = await scene.conclude({ patient: true });
  return found(evidence, nothingLost(evidence), { notes: [`spread over ${pollInterval / 1000} s over UDP`] });
}
