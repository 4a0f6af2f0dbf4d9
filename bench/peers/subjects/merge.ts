import { Companion } from '../../host/companion.js';
import { same } from '../../same.js';
import type { Case, Scene, Subject, Times } from '../../subject.js';
import { poll } from '../../subjects/poll.js';
import { ANTREA_PEER } from '../go.js';

/** The records that it would export if it were asked to go nowhere that anybody listens: a port of the discard protocol. */
const NOBODY = '127.0.0.1:9';
const POLLS_BEFORE = 20;

/** Merging a dump into a store, by ctflow and by Antrea, Pods and Services looked up for what is new. */
export const peersMerge: Subject = {
  name: 'peers-merge',
  summary: "merge a dump into the store: ctflow's, and Antrea's",
  connections: poll.connections,
  async cases(scene: Scene): Promise<Case[]> {
    const cases = [...(await poll.cases(scene))];
    if (scene.peers?.includes('antrea')) cases.push(await antreaCase(scene));
    return cases;
  },
};

async function antreaCase({ sizes: { connections, fresh, gone } }: Scene): Promise<Case> {
  const program = await Companion.startProgram(ANTREA_PEER, [NOBODY, ...[connections, fresh, gone].map(String)]);
  for (let i = 0; i < POLLS_BEFORE; i++) await program.ask('poll');
  let held = 0;
  return {
    name: 'Antrea',
    backend: 'peer',
    parameters: { connections, fresh, gone },
    items: connections,
    async operation(): Promise<Times> {
      const answer = await program.ask<Times & { connections: number }>('poll');
      held = answer.connections;
      return answer;
    },
    check() {
      // those of the last dump stay until the next
      same('connections that Antrea holds', held, connections - gone + fresh + gone);
      return undefined;
    },
    close: () => program.close(),
  };
}
