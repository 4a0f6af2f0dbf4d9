import { balance } from '../balance.js';
import type { ProofCase } from '../case.js';
import { NFLOG_GROUP } from '../policy.js';
import { Scene } from '../scene.js';
import { found, none, NOTHING_LOST, nothingLost } from './criteria.js';

const TUPLES = 1_000;
/** Packets of each tuple. */
const PACKETS = 100;

export const denied: ProofCase = {
  name: 'denied',
  title: `${PACKETS} packets each of up to ${TUPLES} tuples, dropped by ten rules`,
  criterion: `${NOTHING_LOST}, of the denied as of the connections beside them`,
  async run(scope, size) {
    const tuples = Math.min(TUPLES, Math.ceil(size.flows / 10));
    const scene = await Scene.open(
      scope,
      { ...size, flows: tuples, rate: TUPLES },
      {
        traffic: { mix: { 'denied-udp': 1 }, requests: PACKETS, long: 20 },
        // however long a flow is held up between two packets, it is one
        exporter: ['--nflog-group', String(NFLOG_GROUP), '--idle-flow-export-timeout', '1h'],
      },
    );
    scene.traffic.begin();
    const evidence = await scene.conclude();
    const { kernel, traffic, ledger } = evidence;
    const dropped = balance({ connections: traffic.denied, ...kernel.denied }, ledger.denied);
    return found(
      evidence,
      [
        ...nothingLost(evidence),
        ...none('denied and missing', dropped.missing),
        ...none('denied and doubled', dropped.doubled),
      ],
      { denied: dropped },
    );
  },
};
