import { parseCounters } from '../../test/helpers/kernel/nft-truth.js';
import type { Finding, ProofCase } from '../case.js';
import { NAT66_EVENTS } from '../nat-ledger.js';
import { Scene, type Size } from '../scene.js';
import type { Scope } from '../../test/helpers/kernel/scope.js';
import { ROUTER_FAR, SERVER, type Topology } from '../topology.js';
import { found, holds, nothingLost } from './criteria.js';

/** Where the client sends to: addresses that only the router's NAT knows (RFC 5737, RFC 3849). */
const VIRTUAL = ['203.0.113.80', '2001:db8:3::80'] as const;
const SMALL_BUFFER = '4096';
/** What the kernel can hold and deliver again through a buffer of that size. */
const FEW = { flows: 20_000, rate: 5_000 };
/** Where the end of a TCP connection is held, the kernel drops the first packet of another one of its tuple (nf_ct_kill). */
const WITHOUT_TCP = { udp: 60, 'udp-again': 15, icmp: 3 };

/** Every forwarded connection is translated at both ends; `translated` counts them where conntrack confirms them. */
const TRANSLATION = `
table inet translation {
  counter translated { }
  chain destinations {
    type nat hook prerouting priority -100
    ip daddr ${VIRTUAL[0]} dnat ip to ${SERVER[0]}
    ip6 daddr ${VIRTUAL[1]} dnat ip6 to ${SERVER[1]}
  }
  chain sources {
    type nat hook postrouting priority 100
    oifname outside masquerade
  }
  chain count {
    type filter hook postrouting priority 2147483646
    ct state new ct status ! confirmed ct status snat,dnat counter name translated
  }
}
`;

async function run(
  scope: Scope,
  size: Size,
  flags: readonly string[],
  isLossy: boolean,
  mix?: Readonly<Record<string, number>>,
): Promise<Finding> {
  const scene = await Scene.open(scope, size, {
    traffic: { servers: VIRTUAL, ...(mix && { mix }) },
    exporter: ['--profile', 'nat', '--nat66-events', NAT66_EVENTS, ...flags],
    beforeExporter: ({ router }: Topology) => router.nft(TRANSLATION),
  });
  const { router } = scene.topology;
  scene.traffic.begin();
  // an exporter that is ended deletes no session
  const evidence = await scene.conclude({ afterTraffic: () => router.run('conntrack', ['-F']), patient: isLossy });
  const counters = parseCounters(await router.run('nft', ['-j', 'list', 'counters']));
  const translated = counters.get('translated')?.packets ?? 0;
  const { nat } = evidence.ledger;
  const { lateFromPoll = 0, lateFromDestroy = 0 } = evidence.exporter.stats?.nat ?? {};
  const late = lateFromPoll + lateFromDestroy;
  const wrong = nat.wrong({ source: ROUTER_FAR, destination: SERVER });
  return found(
    evidence,
    [
      ...holds(translated > 0, 'nothing was translated'),
      ...holds(nat.created === translated, `${nat.created} create events, nft counted ${translated}`),
      ...holds(nat.deleted === translated, `${nat.deleted} delete events, nft counted ${translated}`),
      ...holds(nat.open === 0, `${nat.open} sessions have no delete event`),
      ...holds(nat.unordered === 0, `${nat.unordered} delete events without a create event before them`),
      ...holds(wrong === 0, `${wrong} events with another pair of tuples`),
      ...holds(!isLossy || late > 0, 'no create event was late'),
      ...nothingLost(evidence),
    ],
    {
      notes: [
        `${translated} translated connections, ${nat.created} create and ${nat.deleted} delete events; ` +
          `${late} create events were late (${lateFromPoll} from a poll, ${lateFromDestroy} from a DESTROY)`,
      ],
    },
  );
}

const CRITERION = 'as many create and delete events as nft counted, each with its pair of tuples, create before delete';

export const nat: ProofCase = {
  name: 'nat',
  title: 'profile nat, and every connection translated at both ends',
  criterion: `${CRITERION}; missing 0, doubled 0 in the records at the end`,
  run: (scope, size) => run(scope, size, [], false),
};

export const natLossy: ProofCase = {
  name: 'nat-small-buffer',
  title: 'the same with an event buffer of 4 KiB, which loses NEW events',
  criterion: `${CRITERION}; late ones counted; missing 0, doubled 0`,
  run: (scope, size) =>
    run(
      scope,
      { ...size, flows: Math.min(size.flows, FEW.flows), rate: Math.min(size.rate, FEW.rate) },
      ['--event-buffer', SMALL_BUFFER, '--hold-ended', 'on'],
      true,
      WITHOUT_TCP,
    ),
};
