import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Count } from '../../src/cli/demo/traffic/loopback-count.js';
import { pause } from '../../src/cli/demo/pause.js';
import type { ProofCase } from '../case.js';
import { collectorEndpoint } from '../collector-process.js';
import { FILTERED, SUMS } from '../ledger.js';
import { readCounter } from '../truth.js';
import { Scene, type Size } from '../scene.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { found, holds, NOTHING_LOST, nothingLost } from './criteria.js';

/** Fewer than there are keys: some connections are in the remainder. */
const LIMIT = 20;
/** Parts of the traffic after which the exporter is killed. */
const KILLS = [0.2, 0.45, 0.7];
/** How long no exporter runs; milliseconds. */
const DOWN = 500;
const NONE: Count = { packets: 0, octets: 0 };

/** As the table of the truth, of UDP over IPv4 alone. */
const FILTERED_TRUTH = `
table inet filtered {
  counter udp4 { }
  chain pre {
    type filter hook prerouting priority -198
    meta nfproto ipv4 meta l4proto udp iif != lo ct state established counter name udp4
  }
  chain out {
    type filter hook output priority -198
    meta nfproto ipv4 meta l4proto udp ct state established counter name udp4
  }
  chain inp {
    type filter hook input priority 2147483646
    meta nfproto ipv4 meta l4proto udp iif != lo ct state new counter name udp4
  }
  chain post {
    type filter hook postrouting priority 2147483646
    meta nfproto ipv4 meta l4proto udp ct state new counter name udp4
  }
}
`;

export const filterAndSums: ProofCase = {
  name: 'filter-and-sums',
  title: 'a destination with a filter, and one that sums up by keys',
  criterion: `${NOTHING_LOST}; both have as many packets and octets as the kernel counted for them`,
  async run(scope, size) {
    const scene = await open(scope, size, false);
    scene.traffic.begin();
    const evidence = await scene.conclude();
    const { kernel, ledger } = evidence;
    const udp = await readCounter(scene.topology.router, 'udp4');
    const overflowed = evidence.exporter.stats?.destinations.some(one => (one.aggregation?.overflowed ?? 0) > 0);
    const { [FILTERED]: filtered = NONE, [SUMS]: sums } = Object.fromEntries(ledger.others);
    return found(
      evidence,
      [
        ...nothingLost(evidence),
        ...holds(udp.packets > 0 && isSame(filtered, udp), `filtered ${text(filtered)}, by the kernel ${text(udp)}`),
        ...holds(overflowed === true, 'no connection was in a remainder'),
        ...holds(isSame(sums ?? NONE, kernel), `sums ${text(sums ?? NONE)}, by the kernel ${text(kernel)}`),
      ],
      { notes: [`filtered ${text(filtered)}; sums ${text(sums ?? NONE)} in ${sums?.records} records`] },
    );
  },
};

export const sumsKilled: ProofCase = {
  name: 'sums-sigkill',
  title: `a destination that sums up, and the exporter killed ${KILLS.length} times`,
  criterion: 'the sums have what the records of single connections have, but for what was uncertain after restarts',
  async run(scope, size) {
    const scene = await open(scope, size, true);
    const lives = [scene.exporter];
    scene.traffic.begin();
    for (const part of KILLS) {
      await scene.traffic.reached(part);
      await scene.exporter.stop('SIGKILL');
      await pause(DOWN);
      await scene.restartExporter();
      lives.push(scene.exporter);
    }
    const evidence = await scene.conclude();
    const { balance, ledger } = evidence;
    const sums = ledger.others.get(SUMS) ?? NONE;
    const uncertain = lives.flatMap(life => life.log()).map(line => line['restartUncertain'] as Count | undefined);
    const most = uncertain.reduce<Count>((sum, one = NONE) => plus(sum, one), NONE);
    const apart = {
      packets: Math.abs(sums.packets - balance.exported.packets),
      octets: Math.abs(sums.octets - balance.exported.octets),
    };
    return found(
      evidence,
      holds(
        apart.packets <= most.packets && apart.octets <= most.octets,
        `sums ${text(sums)}, single connections ${text(balance.exported)}; uncertain ${text(most)}`,
      ),
      { notes: [`sums ${text(sums)}; uncertain after restarts ${text(most)}`] },
    );
  },
};

async function open(scope: Scope, size: Size, state: boolean): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-proof-'));
  scope.teardown(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'ctflow.yaml');
  const address = collectorEndpoint('tcp');
  writeFileSync(
    config,
    `destinations:
  filtered:
    flowCollectorAddr: ${address}
    observationDomain: ${FILTERED}
    filter: protocol == udp && family == ipv4
  sums:
    flowCollectorAddr: ${address}
    observationDomain: ${SUMS}
    aggregateKeys: [src, dst, dst.port, protocol]
    aggregateInterval: 1s
    aggregateLimit: ${LIMIT}
`,
  );
  return Scene.open(scope, size, {
    state,
    exporter: ['--config', config],
    beforeExporter: ({ router }) => router.nft(FILTERED_TRUTH),
  });
}

function isSame(one: Count, other: Count): boolean {
  return one.packets === other.packets && one.octets === other.octets;
}

function plus(one: Count, other: Count): Count {
  return { packets: one.packets + other.packets, octets: one.octets + other.octets };
}

function text({ packets, octets }: Count): string {
  return `${packets} packets, ${octets} octets`;
}
