import test from 'ava';
import { readRules } from '../../../../src/cli/doctor/rules/rules.js';
import { hostOf } from '../../../../src/cli/doctor/host.js';
import { PrivateNamespace } from '../../../helpers/kernel/namespace.js';
import { needs } from '../../../helpers/kernel/require.js';
import { fakeHost, NO_PROGRAMS } from '../subject.js';

needs(test, ['namespace', 'root'])('the rules of another namespace are read as nft shows them', async t => {
  const namespace = await PrivateNamespace.create(t);
  const host = hostOf(`/proc/${namespace.pid}/ns/net`);
  t.deepEqual([...(await readRules(host)).tracked], []);
  await namespace.nft(`table ip nat {
      chain post { type nat hook postrouting priority 100; ip saddr 10.0.0.0/8 masquerade
      }
    }
    table inet raw {
      chain pre { type filter hook prerouting priority -300; udp dport 53 notrack
        tcp dport 22 log group 5
        log prefix "no group"
      }
    }`);
  const rules = await readRules(host);
  t.deepEqual([...rules.tracked], ['IPv4']);
  t.deepEqual([...rules.logGroups], [[5, 1]]);
  t.is(rules.notrack.length, 1);
  t.regex(rules.notrack[0].remove, /^nsenter --net=\S+ nft delete rule inet raw pre handle \d+$/);
  const [, ...command] = rules.notrack[0].remove.split(' ');
  await namespace.run('nft', command.slice(2));
  t.deepEqual((await readRules(host)).notrack, []);
});

for (const [expression, tracks] of [
  [{ match: { left: { ct: { key: 'state' } }, right: 'new' } }, true],
  [{ mangle: { key: { ct: { key: 'mark' } }, value: 5 } }, true],
  [{ flow: { op: 'add', flowtable: '@f' } }, true],
  [{ xt: { type: 'match', name: 'conntrack' } }, true],
  [{ xt: { type: 'target', name: 'LOG' } }, false],
  [{ notrack: null }, false],
  [{ counter: { packets: 0, bytes: 0 } }, false],
] as const)
  test(`nft: ${JSON.stringify(expression)} ${tracks ? 'takes' : 'does not take'} conntrack into use`, async t => {
    const rule = { family: 'ip6', table: 't', chain: 'c', handle: 1, expr: [expression] };
    const programs = { ...NO_PROGRAMS, 'nft -j -t list ruleset': JSON.stringify({ nftables: [{ rule }] }) };
    t.deepEqual([...(await readRules(fakeHost({ programs }))).tracked], tracks ? ['IPv6'] : []);
  });

test('rules of iptables are read where iptables-save is there', async t => {
  const saved = `*raw
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -j NOTRACK
COMMIT
*filter
-A INPUT -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -j NFLOG --nflog-prefix "x" --nflog-group 7
-A INPUT -j NFLOG
COMMIT
`;
  const rules = await readRules(fakeHost({ programs: { ...NO_PROGRAMS, 'ip6tables-save': saved } }));
  t.deepEqual([...rules.tracked], ['IPv6']);
  t.deepEqual(
    rules.notrack.map(({ remove }) => remove),
    [
      'ip6tables -t raw -D PREROUTING -p udp -m udp --dport 53 -j CT --notrack',
      'ip6tables -t raw -D OUTPUT -j NOTRACK',
    ],
  );
  t.deepEqual(
    [...rules.logGroups],
    [
      [7, 1],
      [0, 1],
    ],
  );
  t.deepEqual(rules.unseen, []);
  const notrackAlone = await readRules(
    fakeHost({ programs: { ...NO_PROGRAMS, 'iptables-save': '*raw\n-A OUTPUT -j CT --notrack\n' } }),
  );
  t.deepEqual([...notrackAlone.tracked], []);
  const zone = await readRules(
    fakeHost({ programs: { ...NO_PROGRAMS, 'iptables-save': '*raw\n-A OUTPUT -j CT --zone 5\n' } }),
  );
  t.deepEqual([...zone.tracked], ['IPv4']);
});

test('flowtables that count are told from those that do not', async t => {
  const text = `table inet t {
	flowtable counting {
		hook ingress priority filter + 10
		devices = { eth0, eth1 }
		counter
	}
}
table ip other {
	flowtable f {
		hook ingress priority filter
		devices = { eth0 }
	}
}
`;
  const { flowtables } = await readRules(fakeHost({ programs: { ...NO_PROGRAMS, 'nft list flowtables': text } }));
  t.deepEqual(
    flowtables.map(({ name, counts }) => [name, counts]),
    [
      ['inet t counting', true],
      ['ip other f', false],
    ],
  );
  t.is(flowtables[1].mend, "nft 'add flowtable ip other f { hook ingress priority filter; counter; }'");
});

test('an nft that prints no JSON is named among what could not be seen', async t => {
  const { unseen } = await readRules(fakeHost({ programs: { ...NO_PROGRAMS, 'nft -j -t list ruleset': '' } }));
  t.deepEqual(unseen, ['rules of nft: it printed no JSON']);
});
