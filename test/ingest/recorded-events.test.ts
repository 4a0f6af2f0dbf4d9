import test, { type ExecutionContext } from 'ava';
import { Poller } from '../../src/ingest/poller.js';
import { recordedDestroys } from '../../src/ingest/recorded-events.js';
import { decode } from '../../src/netlink/decode.js';
import { ReplaySource } from '../../src/sources/replay.js';
import { eventually } from '../helpers/eventually.js';
import { rows } from '../helpers/builders/rows.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { RecorderRig } from '../helpers/rigs/recorder-rig.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';
import { temporaryPath } from '../helpers/temporary.js';

const ROOM = { endedRoom: Infinity, exportSoon: () => {} };

async function replay(t: ExecutionContext, record: (rig: RecorderRig) => Promise<void>) {
  const recorder = await RecorderRig.open(temporaryPath(t, 'record'));
  await record(recorder);
  const { path } = await recorder.recorder.write('command');
  await recorder.recorder.close();
  const source = new ReplaySource(path, decode);
  t.teardown(() => source.close());
  const { store } = new StoreRig();
  const log = listeningLogger();
  const destroys = recordedDestroys(store, () => ROOM);
  return { store, poller: new Poller(source, store, log.log, () => {}, undefined, destroys) };
}

test('a replay ends connections by their recorded events, those too that no dump has shown', async t => {
  const { store, poller } = await replay(t, async rig => {
    await rig.dump([1, 2]);
    rig.destroy(1, 3);
    rig.recorder.wantDump();
    await rig.dump([2]);
  });
  t.true(await poller.poll());
  t.is(store.size, 2);
  t.true(await poller.poll());
  t.like(store.counts, { added: 3, destroyed: 2, unseen: 1, eventless: 0 });
  t.false(await poller.poll());
});

test('one that a dump does not show and that had no event ends with the second such dump', async t => {
  const { store, poller } = await replay(t, async rig => {
    for (const shown of [[1, 2], [2], [2]]) {
      rig.recorder.wantDump();
      await rig.dump(shown);
    }
  });
  await poller.poll();
  await poller.poll();
  t.is(store.counts.eventless, 0);
  await poller.poll();
  t.is(store.counts.eventless, 1);
});

test('recorded ends wait until there is room for them', async t => {
  const { store } = new StoreRig();
  const room = { endedRoom: 1, exported: 0, exportSoon: () => void room.exported++ };
  const applied = recordedDestroys(store, () => room)(rows({ id: 1 }, { id: 2 }), 1_700_000_000_000);
  await new Promise(resolve => setTimeout(resolve, 20));
  t.is(store.counts.destroyed, 0);
  room.endedRoom = 2;
  await applied;
  await eventually('both', () => store.counts.destroyed === 2);
  t.is(room.exported, 1);
});
