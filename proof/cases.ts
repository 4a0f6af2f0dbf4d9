import { isNothing, type ConnectionCount } from './balance.js';
import type { Finding, ProofCase } from './case.js';
import { Scene, type Evidence } from './scene.js';

const NOTHING_LOST = 'missing 0, doubled 0';

const events: ProofCase = {
  name: 'events',
  title: 'DESTROY events beside polling',
  criterion: NOTHING_LOST,
  async run(scope, size) {
    const scene = await Scene.open(scope, size);
    scene.traffic.begin();
    return found(await scene.conclude(), nothingLost);
  },
};

const pollOnly: ProofCase = {
  name: 'poll-only',
  title: 'polling alone',
  criterion: 'doubled 0; it says how much it loses',
  async run(scope, size) {
    const scene = await Scene.open(scope, size, { exporter: ['--events', 'off'] });
    scene.traffic.begin();
    return found(await scene.conclude(), ({ balance }) => must('doubled', balance.doubled));
  },
};

/** In the order in which they run. */
export const CASES: readonly ProofCase[] = [events, pollOnly];

/** What a run showed, held to a criterion. */
function found(evidence: Evidence, judge: (evidence: Evidence) => string[], notes: readonly string[] = []): Finding {
  const { balance, traffic, exporter, faults } = evidence;
  return { ...balance, traffic, exporter, faults, failures: judge(evidence), notes };
}

function nothingLost({ balance }: Evidence): string[] {
  return [...must('missing', balance.missing), ...must('doubled', balance.doubled)];
}

/** A failure where there is something of what there must not be. */
function must(what: string, count: ConnectionCount): string[] {
  if (isNothing(count)) return [];
  return [`${what}: ${count.octets} octets, ${count.packets} packets, ${count.connections} connections`];
}
