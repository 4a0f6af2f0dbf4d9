import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { podObject } from '../../helpers/kubernetes/objects.js';
import { ClusterRig, flow } from '../../helpers/rigs/cluster-rig.js';

const RATE = 100;
const TICK_MS = 20;
const TICKS = 300;
const ADDRESSES = 150;
/** Of a tick. */
const CHANGES = (RATE * TICK_MS) / 1_000;

/** Who had an address: the truth. */
interface Life {
  readonly name: string;
  readonly address: string;
  readonly from: number;
}

test('nothing is misattributed while pods come, go and reuse addresses at 100 changes a second', async t => {
  const rig = await ClusterRig.open(t, () => {}, {}, 8_192);
  await rig.synced();
  const free = Array.from({ length: ADDRESSES }, (_, i) => `10.1.${i >> 7}.${(i & 127) + 1}`);
  const running: Life[] = [];
  const ending: Life[] = [];
  const truth = new Map<number, string>();
  const flows: ReturnType<typeof flow>[] = [];
  let born = 0;
  let changes = 0;
  const change = (): void => {
    const now = Date.now();
    changes++;
    const last = ending.at(0);
    if (last && changes % 3 === 0) {
      ending.shift();
      rig.server.remove('pods', `uid-${last.name}`);
      // whoever comes next gets it at once
      free.unshift(last.address);
    } else if (running.length > ADDRESSES / 2 && changes % 3 === 1) {
      const life = running.shift()!;
      ending.push(life);
      rig.server.put('pods', podObject(life.name, { addresses: [life.address], started: life.from, deleted: now }));
    } else {
      const address = free.shift();
      if (address === undefined) return;
      const restartPolicy = born % 4 === 0 ? 'Never' : 'Always';
      const life = { name: `p-${born++}`, address, from: now };
      running.push(life);
      rig.server.put('pods', podObject(life.name, { addresses: [address], started: now, restartPolicy }));
    }
  };
  for (let tick = 0; tick < TICKS; tick++) {
    for (let i = 0; i < CHANGES; i++) change();
    for (const life of [running.at(-1), running.at(tick % running.length), ending.at(-1)]) {
      if (!life) continue;
      const seen = flow(life.address, '203.0.113.9', Date.now());
      truth.set(seen.sourcePort!, life.name);
      flows.push(seen);
    }
    rig.wall = Date.now() + 60_000;
    rig.poll(flows);
    await sleep(TICK_MS);
  }
  await rig.caughtUp(changes);
  await sleep(3_000);
  let named = 0;
  for (const [port, name] of truth) {
    const [found] = rig.answer(port);
    if (found === '') continue;
    named++;
    t.is(found, name, `the flow from port ${port}`);
  }
  t.log(`${changes} changes, ${truth.size} flows, ${named} named`);
  t.true(named > truth.size / 3);
});
