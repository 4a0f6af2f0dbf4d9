import { readFileSync, writeFileSync } from 'node:fs';
import { CtflowError } from '../../src/common/errors.js';
import { pause } from '../../src/cli/demo/pause.js';
import type { ProofCase } from '../case.js';
import { Scene } from '../scene.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { found, holds, none, NOTHING_LOST, nothingLost } from './criteria.js';

/** The one number of buckets for each network namespace of the host. */
const BUCKETS = '/proc/sys/net/netfilter/nf_conntrack_buckets';
/** Times that the table is resized, or marks change, and milliseconds between two. */
const RESIZES = 8;
const CHANGES = 8;
const PAUSE = 700;
/** Packets of a connection that a poll has seen by then. */
const MANY_PACKETS = 8;

/** Every connection begins with mark 1; those with many packets have another from their next packet on. */
const marks = (ofLong: number): string => `
table inet marks { }
delete table inet marks
table inet marks {
  chain pre {
    type filter hook prerouting priority -150
    ct state new ct mark set 1
    ct original packets > ${MANY_PACKETS} ct mark set ${ofLong}
  }
}
`;

/** Resizes the host's hash table, and puts it back. @throws CtflowError CTFLOW_KERNEL_SETTING where it may not */
async function resize(scope: Scope): Promise<void> {
  const before = readFileSync(BUCKETS, 'utf8').trim();
  const putBack = (): void => writeFileSync(BUCKETS, before);
  process.once('exit', putBack);
  scope.teardown(() => {
    process.off('exit', putBack);
    putBack();
  });
  for (let times = 0; times < RESIZES; times++) {
    await pause(PAUSE);
    try {
      writeFileSync(BUCKETS, String(Math.max(1024, times % 2 ? Number(before) : Number(before) >> 2)));
    } catch (error) {
      throw new CtflowError(
        'CTFLOW_KERNEL_SETTING',
        'nf_conntrack_buckets cannot be written',
        'Run this case as root of the host',
        error,
      );
    }
  }
  putBack();
}

export const tableResized: ProofCase = {
  name: 'table-resized',
  title: "the kernel's hash table is resized again and again, by a quarter and back",
  criterion: NOTHING_LOST,
  async run(scope, size) {
    const scene = await Scene.open(scope, size);
    scene.traffic.begin();
    await resize(scope);
    const evidence = await scene.conclude();
    const { skipped } = evidence.exporter.stats!.poll;
    return found(evidence, nothingLost(evidence), {
      notes: [`resized ${RESIZES} times; ${skipped['resized'] ?? 0} polls were incomplete for it`],
    });
  },
};

export const zeroedCounters: ProofCase = {
  name: 'zeroed-counters',
  title: 'another program sets the counters of all connections to zero, three times',
  criterion: 'doubled 0; the connections are counted, and said while the exporter runs',
  async run(scope, size) {
    const scene = await Scene.open(scope, { ...size, pollInterval: 500 });
    scene.traffic.begin();
    for (let times = 0; times < 3; times++) {
      await pause(1_500);
      await scene.topology.router.run('conntrack', ['-L', '-z']);
    }
    const evidence = await scene.conclude();
    const { counterResets } = evidence.exporter.stats!.store;
    return found(
      evidence,
      [...none('doubled', evidence.balance.doubled), ...holds(counterResets > 0, 'no zeroed counter was noticed')],
      { notes: [`${counterResets} times the counters of a connection were found set to zero`] },
    );
  },
};

export const filterChanges: ProofCase = {
  name: 'filter-changes',
  title: 'with --mark 1, the mark of long connections becomes 2 and 1 again, several times',
  criterion: NOTHING_LOST,
  async run(scope, size) {
    const scene = await Scene.open(
      scope,
      { ...size, pollInterval: 300, rate: Math.min(size.rate, Math.ceil((size.flows * 1000) / (CHANGES * PAUSE))) },
      { exporter: ['--mark', '1'], beforeExporter: ({ router }) => router.nft(marks(1)) },
    );
    scene.traffic.begin();
    let hidden = 0;
    for (let times = 0; times < CHANGES; times++) {
      await scene.topology.router.nft(marks(times % 2 ? 1 : 2));
      await pause(PAUSE);
      hidden += (await scene.topology.router.run('conntrack', ['-L', '--mark', '2'])).split('\n').length - 1;
    }
    const evidence = await scene.conclude();
    return found(evidence, [...nothingLost(evidence), ...holds(hidden > 0, 'no connection had another mark')], {
      notes: [`${CHANGES} changes; ${hidden} times a connection had a mark that the filter leaves out`],
    });
  },
};
