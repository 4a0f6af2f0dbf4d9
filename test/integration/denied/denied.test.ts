/** On the real kernel: what rules deny is told once, with the connection that has counted it or apart. */
import test from 'ava';
import { eventually } from '../../helpers/eventually.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { DenialExport, denyingRouter, flowsTo, ruleCounter, SERVER } from './denied-scene.js';

const rigged = needs(test.serial, ['namespace', 'conntrack', 'native']);

const FLOW_DENIED = 3;
const ACL_DROP = 130;
const ACL_DENY = 129;
/** Octets of the IPv4 and UDP headers. */
const HEADERS = 28;

/** Datagrams of 100 octets are denied where a port says so, others pass. */
const RULES = `table inet deny {
  counter forwarded { }
  counter rejected { }
  counter input { }
  chain forward { type filter hook forward priority 0;
    udp dport 7001 counter name forwarded log group 5 prefix "ctflow:drop:in:prod/web:forwarded" drop
    udp dport { 7005, 7006, 7007, 7106 } udp length 108 log group 5 prefix "ctflow:drop:in:prod/web:established" drop
    udp dport 7008 counter name rejected log group 5 prefix "ctflow:reject:in:prod/web:rejected" reject
    udp sport 7009 udp length 108 log group 5 prefix "ctflow:drop:out:prod/web:answer" drop
  }
  chain inp { type filter hook input priority 0;
    udp dport 7002 counter name input log group 5 prefix "input" drop
    udp dport 7011 udp length 108 log group 5 prefix "within input" drop
    iif lo udp dport 7004 log group 5 prefix "loopback" drop
  }
  chain outp { type filter hook output priority 0;
    udp dport 7003 log group 5 prefix "output" drop
    udp dport 7010 udp length 108 log group 5 prefix "within output" drop
  }
  chain destinations { type nat hook prerouting priority -100;
    ip daddr 203.0.113.80 udp dport 80 dnat ip to ${SERVER}:7106
  }
  chain sources { type nat hook postrouting priority 100;
    oif outside udp dport { 7007, 7106 } masquerade
  }
}`;

// antrea-io/antrea#7361
rigged('a denied packet of a connection in conntrack is one record, not two', async t => {
  const { router, client, server } = await denyingRouter(t, RULES);
  const denials = await DenialExport.start(router);
  const [near, far, here] = [new Traffic(client), new Traffic(server), new Traffic(router)];
  const send = (traffic: Traffic, host: string, port: number, size: number, packets = 1, answered = false) =>
    traffic.do('udpSend', { host, port, from: 20_000 + port, packets, size, answered });
  for (const port of [7005, 7006, 7007, 7010, 7106]) await far.do('udpListen', { host: SERVER, port, answer: 20 });
  await far.do('udpListen', { host: SERVER, port: 7009, answer: 100 });

  await send(near, SERVER, 7001, 10, 3);
  await send(near, '192.0.2.1', 7002, 20, 2);
  await t.throwsAsync(send(here, SERVER, 7003, 30), { message: /EPERM/ });
  await send(here, '127.0.0.1', 7004, 40, 2);
  await send(near, SERVER, 7008, 50);
  await send(near, SERVER, 7009, 60); // whose answer is denied
  await here.do('udpListen', { host: '192.0.2.1', port: 7011, answer: 20 });
  await send(here, SERVER, 7010, 50, 1, true);
  await t.throwsAsync(send(here, SERVER, 7010, 100), { message: /EPERM/ });
  await send(near, '192.0.2.1', 7011, 50, 1, true);
  await send(near, '192.0.2.1', 7011, 100);
  for (const [host, port] of [
    [SERVER, 7005],
    [SERVER, 7006],
    [SERVER, 7007],
    ['203.0.113.80', 80],
  ] as const) {
    await send(near, host, port, 50, 2, true);
    await send(near, host, port, 100, 3);
    // its end comes as soon as its denied packets
    if (port === 7006) await router.run('conntrack', ['-D', '-p', 'udp', '--dport', '7006']);
  }
  await eventually('the rejected one is told', async () => flowsTo(await denials.records(), 7008).length > 0);
  const { records, counts } = await denials.stop(t);

  const flow = (port: number) => {
    const flows = flowsTo(records, port);
    t.is(flows.length, 1, `one flow to port ${port}: ${JSON.stringify(flows)}`);
    return flows[0];
  };
  const told = (packets: number, payload: number, forwardingStatus = ACL_DROP) => ({
    packets,
    octets: payload + packets * HEADERS,
    denied: FLOW_DENIED,
    forwardingStatus,
  });
  const none = { replyPackets: 0, replyOctets: 0 };
  t.like(flow(7001), { ...told(3, 30), ...none });
  t.like(flow(7002), { ...told(2, 40), ...none });
  t.like(flow(7003), { ...told(1, 30), ...none });
  t.like(flow(7004), { ...told(2, 80), ...none });
  t.like(flow(7008), { ...told(1, 50, ACL_DENY), ...none });
  t.like(flow(7009), { ...told(1, 60), replyPackets: 1, replyOctets: 100 + HEADERS });
  for (const port of [7010, 7011]) {
    t.like(flow(port), { ...told(2, 150), replyPackets: 1, replyOctets: 20 + HEADERS }, `port ${port}`);
  }
  for (const port of [7005, 7006, 7007, 80]) {
    t.like(flow(port), { ...told(5, 400), replyPackets: 2, replyOctets: 2 * (20 + HEADERS) }, `port ${port}`);
  }
  t.is(flow(7006).reason, 4, 'deleted by the administrator');
  t.deepEqual(await ruleCounter(router, 'forwarded'), [3, 3 * (10 + HEADERS)]);
  t.like(counts, { matched: 17, matchedLate: 0, overflow: 0, refusedPackets: 0, pending: 0 });
  t.like(counts['nflog'], { packets: 17 + 7, lost: 0, overrun: 0, malformed: 0 });
});

rigged('antrea: the log prefix fills the policy fields of its direction, IPv4 and IPv6', async t => {
  const { router, client } = await denyingRouter(t, RULES);
  // each is told at the end alone
  const denials = await DenialExport.start(router, '--profile antrea --active-flow-export-timeout 1h');
  const near = new Traffic(client);
  const send = (host: string, port: number) =>
    near.do('udpSend', { host, port, packets: 1, size: 10, answered: false });
  await send('2001:db8:2::2', 7001);
  await send(SERVER, 7008);
  await send('192.0.2.1', 7002);
  // the first packet to a neighbour waits until it is found
  for (const rule of ['forwarded', 'rejected', 'input']) {
    await eventually(`one is ${rule}`, async () => (await ruleCounter(router, rule))[0] === 1);
  }
  const { records } = await denials.stop(t);
  const to = (port: number) => records.filter(({ destinationTransportPort }) => destinationTransportPort === port);
  const policy = (direction: string, [name, namespace, rule, action]: readonly [string, string, string, number]) => ({
    [`${direction}NetworkPolicyName`]: name,
    [`${direction}NetworkPolicyNamespace`]: namespace,
    [`${direction}NetworkPolicyRuleName`]: rule,
    [`${direction}NetworkPolicyRuleAction`]: action,
  });
  const none = policy('egress', ['', '', '', 0]);
  for (const [port, facts, forwardingStatus] of [
    [7001, ['web', 'prod', 'forwarded', 2], ACL_DROP],
    [7008, ['web', 'prod', 'rejected', 3], ACL_DENY],
    [7002, ['', '', 'input', 2], ACL_DROP],
  ] as const) {
    const [record, ...more] = to(port);
    t.deepEqual(more, []);
    t.like(record, { ...policy('ingress', facts), ...none, firewallEvent: FLOW_DENIED, forwardingStatus });
  }
  t.is(to(7001)[0]['octetTotalCount'], 10 + 48);
});
