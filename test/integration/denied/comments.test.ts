/** On the real kernel: rules have the names that their comments in nft give. */
import test from 'ava';
import { eventually } from '../../helpers/eventually.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { DenialExport, denyingRouter, SERVER } from './denied-scene.js';

const rigged = needs(test.serial, ['namespace', 'conntrack', 'native']);

const RULES = `table inet deny {
  chain forward { type filter hook forward priority 0;
    udp dport 7001 log group 5 prefix "plain" reject comment "no games in the lab"
    udp dport 7002 log group 5 prefix "ctflow:drop:in:prod/web:prefix" drop comment "not this"
    udp dport 7003 log group 5 drop comment "ctflow:drop:out:prod/db:by-comment"
    udp dport 7004 log group 5 prefix "both" drop comment "one"
    udp dport 7005 log group 5 prefix "both" drop comment "another"
    udp dport 7006 log group 5 prefix "silent" drop
  }
}`;
const FIELDS = [
  'flowId',
  'firewallEvent',
  'destinationTransportPort',
  'forwardingStatus',
  ...['ingress', 'egress'].flatMap(way => ['Name', 'Namespace', 'RuleName'].map(of => `${way}NetworkPolicy${of}`)),
];

rigged(
  'a denied flow has the comment of the rule, where one rule has the prefix, and after a change the new one',
  async t => {
    const { router, client } = await denyingRouter(t, RULES);
    const denials = await DenialExport.start(
      router,
      `--flow-poll-interval 100ms --active-flow-export-timeout 500ms --fields ${FIELDS.join()}`,
    );
    const near = new Traffic(client);
    const send = (port: number) => near.do('udpSend', { host: SERVER, port, packets: 1, size: 10, answered: false });
    for (let port = 7001; port <= 7006; port++) await send(port);
    const recorded = async (...ports: number[]) => {
      const found = new Set((await denials.records()).map(one => one['destinationTransportPort']));
      return ports.every(port => found.has(port));
    };
    await eventually('the first have records', () => recorded(7001, 7002, 7003, 7004, 7005, 7006));
    await router.nft('add rule inet deny forward udp dport 7007 log group 5 prefix "later" drop comment "of later"');
    await send(7007);
    await eventually('the rule that came later has one', () => recorded(7007));
    const { records, counts } = await denials.stop(t);
    const to = (port: number) => records.find(({ destinationTransportPort }) => destinationTransportPort === port)!;
    const ingress = (name: string, namespace: string, rule: string) => ({
      ...(name !== '' && { ingressNetworkPolicyName: name }),
      ...(namespace !== '' && { ingressNetworkPolicyNamespace: namespace }),
      ingressNetworkPolicyRuleName: rule,
    });
    t.like(to(7001), { ...ingress('', '', 'no games in the lab'), forwardingStatus: 129 });
    t.like(to(7002), { ...ingress('web', 'prod', 'prefix'), forwardingStatus: 130 });
    t.like(to(7003), {
      egressNetworkPolicyName: 'db',
      egressNetworkPolicyNamespace: 'prod',
      egressNetworkPolicyRuleName: 'by-comment',
    });
    t.like(to(7004), ingress('', '', 'both'));
    t.like(to(7005), ingress('', '', 'both'));
    t.like(to(7006), ingress('', '', 'silent'));
    t.like(to(7007), ingress('', '', 'of later'));
    t.like(counts['comments'], { named: 4, shared: 1, leftOut: 0 });
    const said = denials.exporter.log().filter(({ msg }) => String(msg).endsWith('"both" (group 5)'));
    t.is(said.length, 1);
  },
);
