import test, { type ExecutionContext } from 'ava';
import { rmSync, symlinkSync } from 'node:fs';
import { CtflowError } from '../../../src/common/errors.js';
import type { DestinationsChanged } from '../../../src/destination/set/destination-changes.js';
import { noStats } from '../../../src/daemon/namespaces/merged-stats.js';
import { findNamespaces } from '../../../src/daemon/namespaces/namespace-names.js';
import { NamespaceSet, type NamespaceSetOptions } from '../../../src/daemon/namespaces/namespace-set.js';
import type { Pipeline, PipelineConfig } from '../../../src/daemon/namespaces/pipeline.js';
import type { Moment } from '../../../src/store/poll-history.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

const linux = needs(test, ['linux']);

/** Namespaces of other kinds do as well: they are files of the same file system. */
const KINDS = ['net', 'uts', 'ipc', 'pid'] as const;
const NO_CHANGES: DestinationsChanged = { added: [], removed: [], changed: [], needRestart: [] };

interface Fake {
  readonly pipeline: Pipeline;
  readonly done: string[];
  since: number | undefined;
  polls: number;
  waits: string[];
  refusesReload: boolean;
}

function rig(t: ExecutionContext, more: Partial<NamespaceSetOptions> = {}, openFails: ReadonlySet<string> = new Set()) {
  const names = KINDS.map(kind => temporaryPath(t, kind));
  const { log, lines } = listeningLogger();
  const fakes = new Map<string, Fake>();
  const lefts: (Moment | undefined)[] = [];
  const make = async ({ name }: { name: string }, left: Moment | undefined): Promise<Pipeline> => {
    lefts.push(left);
    const done: string[] = [];
    const fake: Fake = { pipeline: undefined!, done, since: undefined, polls: 1, waits: [], refusesReload: false };
    const stats = () => ({
      ...noStats('native'),
      connections: 2,
      poll: { ...noStats('native').poll, polls: fake.polls },
    });
    const exporter = {
      stats,
      destinations: [],
      ended: new Promise(() => {}),
      open: async () => {
        if (openFails.has(name)) throw new CtflowError('CTFLOW_NAMESPACE', `${name} cannot be read`, 'Try again');
      },
      get withoutNamespaceSince() {
        return fake.since;
      },
    };
    const pipeline = {
      netns: name,
      exporter,
      readiness: { waitsFor: () => fake.waits },
      reload: async ({ settings }: PipelineConfig) => {
        if (fake.refusesReload) throw new CtflowError('CTFLOW_USAGE', 'no', 'no');
        done.push(`reload ${settings.pollBudget}`);
        return NO_CHANGES;
      },
      close: async () => (done.push('close'), 3),
      unwatch: () => void done.push('unwatch'),
      forget: () => void done.push('forget'),
    } as unknown as Pipeline;
    fakes.set(name, Object.assign(fake, { pipeline }));
    return pipeline;
  };
  const set = new NamespaceSet({ backend: 'native', wanted: names, most: 3, retires: true, make, log, ...more });
  t.teardown(() => set.close());
  const stand = (i: number, kind = KINDS[i]): void => {
    rmSync(names[i], { force: true });
    symlinkSync(`/proc/self/ns/${kind}`, names[i]);
  };
  const read = (): number[] => set.all.map(({ netns }) => names.indexOf(netns!));
  return { set, names, stand, read, fakes, lines, lefts };
}

linux('what is there is read, each namespace once, and what comes later too', async t => {
  const { set, stand, read, lefts } = rig(t);
  stand(0);
  stand(1, 'net');
  await set.open();
  t.deepEqual(read(), [0], 'the second name is of the same namespace');
  stand(1);
  set.look();
  await eventually('it is read', () => read().length === 2);
  t.deepEqual(lefts, [undefined, undefined]);
  t.is(set.stats().connections, 4);
});

linux('beyond the limit namespaces are refused, until one that is gone makes room', async t => {
  const { set, names, stand, read, fakes, lines, lefts } = rig(t);
  for (const i of [0, 1, 2, 3]) stand(i);
  await set.open();
  t.deepEqual(read(), [0, 1, 2]);
  t.like(set.figures(), { read: 3, refused: 1, retired: 0 });
  t.is(lines.filter(({ msg }) => /--max-namespaces/.test(String(msg))).length, 1);
  rmSync(names[1]);
  fakes.get(names[1])!.since = performance.now();
  set.look();
  await eventually('the last one is read', () => read().includes(3));
  t.deepEqual(read(), [0, 2, 3]);
  t.deepEqual(fakes.get(names[1])!.done, ['close', 'unwatch'], 'its state file stays: records were left');
  t.like(set.figures(), { read: 3, refused: 0, retired: 1, unexported: 3 });
  t.is(set.stats().poll.polls, 4, 'what it has counted stays counted');
  t.is(set.stats().connections, 6, 'its connections are gone');
  // it comes back, and what was exported of it before is known
  stand(1);
  rmSync(names[0]);
  fakes.get(names[0])!.since = performance.now();
  set.look();
  await eventually('it is back', () => read().includes(1));
  t.true(lefts.at(-1)!.monotonic <= performance.now());
  t.is(await set.close(), 3 * 3 + 2 * 3, 'three that were open, and two that were closed before');
});

linux('a namespace that is gone is waited for, and always where it is one of a list', async t => {
  for (const retires of [true, false]) {
    const { set, names, stand, read, fakes } = rig(t, { retires });
    stand(0);
    stand(1);
    await set.open();
    rmSync(names[0]);
    fakes.get(names[0])!.since = performance.now() - 1_000;
    set.look();
    stand(2);
    set.look();
    await eventually('another one is read', () => read().includes(2));
    t.deepEqual(read(), [0, 1, 2]);
    fakes.get(names[0])!.since = performance.now() - 120_000;
    set.look();
    stand(3);
    if (!retires) continue;
    await eventually('another one is read in its place', () => read().includes(3));
    t.deepEqual(read(), [1, 2, 3]);
  }
});

linux('one that cannot be read costs the others nothing, and where none can that is the error', async t => {
  const openFails = new Set<string>();
  const one = rig(t, {}, openFails);
  openFails.add(one.names[0]);
  one.stand(0);
  one.stand(1);
  await one.set.open();
  t.deepEqual(one.read(), [1]);
  t.true(one.lines.some(({ msg }) => /cannot be read.*ctflow tries again/.test(String(msg))));
  one.set.look();
  await one.set.reload({ settings: { pollBudget: 1 } } as PipelineConfig, { settings: {} } as PipelineConfig);
  t.is(one.lines.filter(({ msg }) => /tries again/.test(String(msg))).length, 1, 'not at once');
  const none = rig(t, {}, openFails);
  openFails.add(none.names[0]);
  none.stand(0);
  await t.throwsAsync(none.set.open(), { message: /cannot be read/ });
});

linux('a name that stands for none is waited for', async t => {
  const { set, stand, read, lines } = rig(t);
  await set.open();
  t.deepEqual(read(), []);
  t.is(set.stats().poll.polls, 0);
  t.true(lines.some(({ msg }) => /none of these network namespaces is there/.test(String(msg))));
  t.throws(() => set.find(undefined), { code: 'CTFLOW_CONTROL' });
  stand(2);
  set.look();
  await eventually('it is read', () => read().length === 1);
});

linux('it is ready once each that was there at the start is, and stays so', async t => {
  const { set, names, stand, fakes } = rig(t);
  stand(0);
  t.deepEqual(set.waitsFor(), ['the exporter']);
  await set.open();
  const fake = fakes.get(names[0])!;
  fake.waits = ['the first poll'];
  t.deepEqual(set.waitsFor(), [`the first poll (${names[0]})`]);
  t.false(set.ready);
  fake.waits = [];
  t.true(set.ready);
  fake.waits = ['a first attempt'];
  t.true(set.ready);
});

linux('settings are taken by all or by none', async t => {
  const { set, names, stand, fakes } = rig(t);
  stand(0);
  stand(1);
  await set.open();
  const config = (pollBudget: number) => ({ settings: { pollBudget } }) as PipelineConfig;
  await set.reload(config(7), config(5));
  fakes.get(names[1])!.refusesReload = true;
  await t.throwsAsync(set.reload(config(9), config(7)), { code: 'CTFLOW_USAGE' });
  t.deepEqual(fakes.get(names[0])!.done, ['reload 7', 'reload 9', 'reload 7']);
  t.deepEqual(fakes.get(names[1])!.done, ['reload 7']);
  t.is(set.find(names[1]), fakes.get(names[1])!.pipeline);
  t.throws(() => set.find('blue'), { code: 'CTFLOW_USAGE', message: /'blue' is not read/ });
});

linux('all has the own namespace, and the words self and all are no names', t => {
  t.is(findNamespaces(['all'])[0].name, 'self');
  t.deepEqual(
    findNamespaces(['self', '/proc/self/ns/net', '/proc/self/ns/none']).map(({ name }) => name),
    ['self'],
  );
});
