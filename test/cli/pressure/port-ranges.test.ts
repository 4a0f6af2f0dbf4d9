import test from 'ava';
import { rangeOf, readSourceNats } from '../../../src/cli/pressure/port-ranges.js';
import type { PortRange } from '../../../src/config/snat-ports.js';
import type { SnatEnds } from '../../../src/daemon/top/page.js';
import { hostOf } from '../../../src/cli/doctor/host.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { fakeHost, NO_PROGRAMS } from '../doctor/subject.js';

const ENDS: SnatEnds = { protocol: 'udp', external: '203.0.113.1', remote: '198.51.100.1', remotePort: 53 };
const LIST = 'nft -j -t list ruleset';

type Statements = readonly Readonly<Record<string, unknown>>[];

/** What is known of the ports where nft has these rules of a family. */
async function range(family: string, rules: readonly Statements[], ends: Partial<SnatEnds> = {}): Promise<unknown> {
  const nftables = [{ metainfo: {} }, ...rules.map(expr => ({ rule: { family, expr } }))];
  const programs = { ...NO_PROGRAMS, [LIST]: JSON.stringify({ nftables }) };
  const { nats, unseen } = await readSourceNats(fakeHost({ programs }));
  if (unseen !== undefined) throw new Error(unseen);
  return rangeOf(nats, { ...ENDS, ...ends });
}

const ports = (from: number, to: number): object => ({ port: { range: [from, to] } });
const tcpOnly = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } };

test('a rule without ports leaves those that the kernel takes from', async t => {
  t.deepEqual(await range('ip', [[{ masquerade: null }]]), { from: 1_024, to: 65_535 });
  t.deepEqual(await range('inet', [[{ snat: { addr: '203.0.113.1' } }]]), { from: 1_024, to: 65_535 });
});

test('ports of a rule are those of its protocols, its family and its address', async t => {
  t.deepEqual(await range('ip', [[{ masquerade: ports(2_000, 2_999) }]]), { from: 2_000, to: 2_999 });
  t.deepEqual(await range('ip', [[{ snat: { addr: '203.0.113.1', port: 7 } }]]), { from: 7, to: 7 });
  t.is(await range('ip', [[{ snat: { addr: '203.0.113.2', ...ports(1, 2) } }]]), undefined);
  t.is(await range('ip6', [[{ masquerade: null }]]), undefined);
  t.deepEqual(await range('ip6', [[{ masquerade: null }]], { external: '2001:db8::1' }), { from: 1_024, to: 65_535 });
  t.is(await range('ip', [[tcpOnly, { masquerade: null }]]), undefined);
  const dport = { match: { op: '==', left: { payload: { protocol: 'udp', field: 'dport' } }, right: 53 } };
  const both = {
    match: { op: '==', left: { payload: { protocol: 'ip', field: 'protocol' } }, right: { set: ['tcp', 'udp'] } },
  };
  for (const match of [dport, both])
    t.deepEqual(await range('ip', [[match, { masquerade: ports(5, 6) }]]), { from: 5, to: 6 });
});

test('rules that do not agree leave it open, but for one that gives the very address', async t => {
  const rules = [[{ masquerade: ports(2_000, 2_999) }], [{ masquerade: null }]];
  t.is(await range('ip', rules), undefined);
  t.deepEqual(await range('ip', [...rules, [{ snat: { addr: '203.0.113.1', ...ports(8, 9) } }]]), { from: 8, to: 9 });
  t.deepEqual(await range('ip', [...rules.slice(0, 1), [tcpOnly, { masquerade: null }]]), { from: 2_000, to: 2_999 });
});

test('what nft does not show is not known', async t => {
  t.is(await range('ip', []), undefined);
  t.is(await range('ip', [[{ xt: { type: 'target', name: 'MASQUERADE' } }]]), undefined);
  t.is(await range('ip', [[{ masquerade: null }], [{ xt: { type: 'target', name: 'SNAT' } }]]), undefined);
  t.is(await range('ip', [[{ masquerade: { port: { map: {} } } }]]), undefined);
  const { nats, unseen } = await readSourceNats(fakeHost({ programs: {} }));
  t.deepEqual(nats, []);
  t.is(unseen, 'nft is not installed');
  const other = await readSourceNats(fakeHost({ programs: { ...NO_PROGRAMS, [LIST]: 'usage: nft' } }));
  t.is(other.unseen, 'it printed no JSON');
});

needs(test, ['namespace', 'root'])('rules are read as nft shows them', async t => {
  const namespace = await PrivateNamespace.create(t);
  await namespace.nft(`table ip nat {
    chain post { type nat hook postrouting priority 100;
      ip daddr 198.51.100.0/24 udp dport 53 snat to 203.0.113.1:20000-20999
      meta l4proto { tcp, udp } oifname "eth1" masquerade to :3000-3999 random
      ip protocol icmp masquerade
    }
  }
  table ip6 nat {
    chain post { type nat hook postrouting priority 100;
      masquerade persistent
    }
  }`);
  const { nats, unseen } = await readSourceNats(hostOf(`/proc/${namespace.pid}/ns/net`));
  t.is(unseen, undefined);
  const of = (protocol: string, external: string): PortRange | undefined =>
    rangeOf(nats, { ...ENDS, protocol, external });
  t.deepEqual(of('udp', '203.0.113.1'), { from: 20_000, to: 20_999 });
  t.deepEqual(of('udp', '203.0.113.2'), { from: 3_000, to: 3_999 });
  t.deepEqual(of('tcp', '203.0.113.1'), { from: 3_000, to: 3_999 });
  t.deepEqual(of('tcp', '2001:db8::1'), { from: 1_024, to: 65_535 });
  t.is(of('sctp', '203.0.113.1'), undefined);
});
