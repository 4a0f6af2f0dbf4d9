// Runs in a network namespace of its own, from which a router leads to the collector: how large messages are where the way has become
// narrower, at the router or at this host.
import { execFileSync } from 'node:child_process';
import { loadBackend } from '../../../src/backend/load.js';
import { UdpTransport, type UdpOptions } from '../../../src/transport/udp.js';
import { eventually } from '../eventually.js';
import { messages, TransportLog } from './transport-log.js';

const [backend, host, device] = process.argv.slice(2);
const { connectDatagram } = await loadBackend(backend as 'native' | 'fallback');

async function open(mtu: UdpOptions['mtu']): Promise<{ transport: UdpTransport; log: TransportLog }> {
  const transport = new UdpTransport(
    { protocol: 'udp', host, port: 4739 },
    { mtu, udpSegmentation: true },
    connectDatagram,
    { retry: 20, longestRetry: 40, probe: 20 },
  );
  const log = new TransportLog();
  await transport.open(log);
  return { transport, log };
}

const limits: number[] = [];
for (const mtu of [512, 9_000] as const) {
  const { transport } = await open(mtu);
  limits.push(transport.limit);
  await transport.close(0);
}
const { transport, log } = await open('path');
limits.push(transport.limit);
const full = (): unknown => transport.send(...messages(1, transport.limit, 1));
if (backend === 'native') {
  // the router carries less than this host's device
  full();
  await eventually('a session with smaller messages', () => log.events.length === 3);
  limits.push(transport.limit);
  // and now the device carries even less
  execFileSync('ip', ['link', 'set', device, 'mtu', '1290']);
  full();
  await eventually('another one', () => log.events.length === 5);
  limits.push(transport.limit);
}
const { lostRecords, errors } = transport.counts;
full();
await transport.close(1_000);
process.stdout.write(JSON.stringify({ limits, events: log.events, lostRecords, errors: Object.keys(errors) }));
