import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Companion } from '../../host/companion.js';
import { same } from '../../same.js';
import type { Case, Scene, Subject, Times } from '../../subject.js';
import { dump } from '../../subjects/dump.js';
import { GO_PEERS } from '../go.js';
import { entriesShown } from '../output.js';
import { findProgram } from '../../../test/helpers/kernel/require.js';

/** Of a second, as /proc counts CPU (USER_HZ). */
const TICKS = 100;
/** Of /proc/PID/stat behind the command's name (proc(5)): user and system time of children that have ended. */
const CUTIME = 13;

/** The kernel's table, by ctflow and by others, beside the raw dump that throws the bytes away. */
export const peersPoll: Subject = {
  ...dump,
  name: 'peers-poll',
  summary: "the kernel's table: the raw dump, ctflow's whole poll, conntrack -L, ti-mo/conntrack",
  connections: [100_000, 500_000],
  async cases(scene: Scene): Promise<Case[]> {
    const cases = [...(await dump.cases(scene))];
    if (scene.peers?.includes('conntrack')) cases.push(listCase(scene));
    if (scene.peers?.includes('ti-mo')) cases.push(await tiMoCase(scene));
    return cases;
  },
};

/** `conntrack -L`, whose text goes nowhere. Its start is part of it: a user pays for it too. */
function listCase({ family, sizes: { connections } }: Scene): Case {
  const program = findProgram('conntrack')!;
  let entries = 0;
  return {
    name: 'conntrack -L -o extended',
    backend: 'peer',
    parameters: { connections },
    items: connections,
    async operation(): Promise<Times> {
      const cpu = cpuOfChildren();
      const began = performance.now();
      const args = ['-L', '-o', 'extended', '-f', family];
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      const [said] = await Promise.all([text(child.stderr), once(child, 'close')]);
      const wall = (performance.now() - began) / 1e3;
      entries = entriesShown(said);
      return { wall, cpu: cpuOfChildren() - cpu };
    },
    check() {
      same('entries that conntrack has shown', entries, connections);
      return undefined;
    },
  };
}

async function tiMoCase({ sizes: { connections } }: Scene): Promise<Case> {
  const program = await Companion.startProgram(GO_PEERS, ['conntrack']);
  let entries = 0;
  return {
    name: 'ti-mo/conntrack',
    backend: 'peer',
    parameters: { connections },
    items: connections,
    async operation(): Promise<Times> {
      const answer = await program.ask<Times & { entries: number }>('dump');
      entries = answer.entries;
      return answer;
    },
    check() {
      same('entries that ti-mo/conntrack has dumped', entries, connections);
      return undefined;
    },
    close: () => program.close(),
  };
}

/** Seconds that children which have ended took, user and system. */
function cpuOfChildren(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[CUTIME]) + Number(fields[CUTIME + 1])) / TICKS;
}
