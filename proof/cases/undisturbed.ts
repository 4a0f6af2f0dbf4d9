import type { ProofCase } from '../case.js';
import { Scene } from '../scene.js';
import { found, none, NOTHING_LOST, nothingLost } from './criteria.js';

export const events: ProofCase = {
  name: 'events',
  title: 'DESTROY events beside polling',
  criterion: NOTHING_LOST,
  async run(scope, size) {
    const scene = await Scene.open(scope, size);
    scene.traffic.begin();
    const evidence = await scene.conclude();
    return found(evidence, nothingLost(evidence));
  },
};

export const pollOnly: ProofCase = {
  name: 'poll-only',
  title: 'polling alone',
  criterion: 'doubled 0; it says how much it loses',
  async run(scope, size) {
    const scene = await Scene.open(scope, size, { exporter: ['--events', 'off'] });
    scene.traffic.begin();
    const evidence = await scene.conclude();
    return found(evidence, none('doubled', evidence.balance.doubled));
  },
};
