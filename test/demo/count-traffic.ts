/** Run inside a private namespace: makes the demonstration's traffic and prints the two counts of it as JSON. */
import { furnish, retransmissions } from '../../src/demo/network.js';
import { pause } from '../../src/demo/pause.js';
import { runTool } from '../../src/demo/tool.js';
import { Traffic } from '../../src/demo/traffic.js';
import { readTruth } from '../../src/demo/truth.js';

const said: string[] = [];
await furnish();
const traffic = new Traffic({
  duration: 2000,
  say: line => said.push(line),
  onFailure: error => said.push(String(error)),
});
await traffic.start();
await pause(2000);
await traffic.stop();
let truth = await readTruth();
for (let still = false; !still;) {
  await pause(300);
  const next = await readTruth();
  still = next.packets === truth.packets;
  truth = next;
}
const table = await runTool(['conntrack', '-L', '-o', 'extended']);
const conntrack = { packets: 0, octets: 0 };
for (const [, packets, octets] of table.matchAll(/packets=(\d+) bytes=(\d+)/g)) {
  conntrack.packets += Number(packets);
  conntrack.octets += Number(octets);
}
process.stdout.write(JSON.stringify({ truth, conntrack, table, said, retransmissions: retransmissions() }));
traffic.close();
