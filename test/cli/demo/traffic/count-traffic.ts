/** Run inside a private namespace: makes the demonstration's traffic and prints the two counts of it as JSON. */
import { writeFileSync } from 'node:fs';
import { furnish, retransmissions } from '../../../../src/cli/demo/traffic/network.js';
import { pause } from '../../../../src/cli/demo/pause.js';
import { runTool } from '../../../../src/cli/demo/tool.js';
import { Traffic } from '../../../../src/cli/demo/traffic/traffic.js';
import { loopbackCount } from '../../../../src/cli/demo/traffic/loopback-count.js';
import { OPEN_KINDS } from './kinds.js';

const said: string[] = [];
await furnish();
// what is counted must not be forgotten before it is read, however long that takes
for (const protocol of ['udp', 'icmp', 'icmpv6'])
  writeFileSync(`/proc/sys/net/netfilter/nf_conntrack_${protocol}_timeout`, '600');
writeFileSync('/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream', '600');
const traffic = new Traffic({
  say: line => said.push(line),
  onFailure: error => said.push(String(error)),
});
await traffic.start();
await pause(2000);
for (let looks = 0; looks < 100; looks++) {
  const table = await readTable();
  if (loopbackCount().packets > 300 && Object.values(OPEN_KINDS).every(kind => kind.test(table))) break;
  await pause(200);
}
await traffic.stop();
let truth = loopbackCount();
let table = '';
for (let still = false; !still;) {
  table = await readTable();
  await pause(300);
  const next = loopbackCount();
  still = next.packets === truth.packets;
  truth = next;
}
const conntrack = { packets: 0, octets: 0 };
for (const [, packets, octets] of table.matchAll(/packets=(\d+) bytes=(\d+)/g)) {
  conntrack.packets += Number(packets);
  conntrack.octets += Number(octets);
}
process.stdout.write(JSON.stringify({ truth, conntrack, table, said, retransmissions: retransmissions() }));
traffic.close();

function readTable(): Promise<string> {
  return runTool(['conntrack', '-L', '-o', 'extended']);
}
