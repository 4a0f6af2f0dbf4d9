import { fileURLToPath } from 'node:url';
import test from 'ava';
import { namespaceCommand } from '../../src/demo/namespace.js';
import { runTool } from '../../src/demo/tool.js';
import type { Count } from '../../src/demo/truth.js';
import { needs } from '../helpers/require.js';

interface Counted {
  truth: Count;
  conntrack: Count;
  table: string;
  said: string[];
  retransmissions: number;
}

needs(test, ['namespace', 'conntrack', 'ping'])('the nft counter and conntrack count the same traffic', async t => {
  const program = fileURLToPath(new URL('./count-traffic.js', import.meta.url));
  const printed = await runTool([...(await namespaceCommand()), process.execPath, program]);
  const { truth, conntrack, table, said, retransmissions } = JSON.parse(printed) as Counted;
  t.deepEqual(said, []);
  t.is(retransmissions, 0);
  t.deepEqual(conntrack, truth);
  t.true(truth.packets > 300, `${truth.packets} packets`);
  const kinds: Record<string, RegExp> = {
    'TCP over IPv4': /tcp .* TIME_WAIT src=192\.0\.2\.10 dst=198\.51\.100\.20 .*dport=80 /,
    'TCP over IPv6': /tcp .* TIME_WAIT src=2001:db8::10 dst=2001:db8::20 .*dport=80 /,
    'open TCP': /tcp .* ESTABLISHED src=192\.0\.2\.10 .*dport=22 /,
    'UDP with replies': /udp .*src=192\.0\.2\.10 .*dport=53 packets=1 .*sport=53 .*packets=1 /,
    'UDP over IPv6, both ways': /udp .*src=2001:db8::10 .*dport=5004 packets=\d{2,} .*sport=5004 .*packets=\d{2,} /,
    ICMP: / icmp .*src=192\.0\.2\.10 .*type=8 .*type=0 /,
    ICMPv6: / icmpv6 .*src=2001:db8::10 .*type=128 .*type=129 /,
    'destination NAT with a change of port': /dst=203\.0\.113\.80 .*dport=443 .*src=198\.51\.100\.20 .*sport=8443 /,
    'destination NAT over IPv6': /dst=2001:db8::80 .*dport=443 .*src=2001:db8::20 .*sport=8443 /,
    'source NAT': /src=192\.0\.2\.10 .*dport=873 .*dst=203\.0\.113\.1 /,
    'source NAT over IPv6': /src=2001:db8::10 .*dport=873 .*dst=2001:db8::1 /,
  };
  for (const [kind, line] of Object.entries(kinds)) t.regex(table, line, kind);
});
