// Runs in a network namespace of its own: sends to an address while the host's own one changes, and says what came of it.
import { execFileSync } from 'node:child_process';
import { loadBackend } from '../../../src/backend/load.js';
import { UdpTransport } from '../../../src/transport/udp.js';
import { eventually } from '../eventually.js';
import { messages, TransportLog } from './transport-log.js';

const ip = (command: string): unknown => execFileSync('ip', command.split(' '));

ip('link add v0 type veth peer name v1');
ip('link set v0 up');
ip('link set v1 up');
ip('address add 192.0.2.1/24 dev v0');
const { connectDatagram } = await loadBackend(process.argv[2] as 'native' | 'fallback');
const transport = new UdpTransport(
  { protocol: 'udp', host: '192.0.2.9', port: 4739 },
  { mtu: 512, udpSegmentation: false },
  connectDatagram,
  { retry: 50, probe: 20 },
);
const log = new TransportLog();
await transport.open(log);
transport.send(...messages(1, 100, 1));
ip('address flush dev v0');
ip('address add 192.0.2.7/24 dev v0');
await eventually('the change to show', () => {
  if (log.events.length > 1) return true;
  transport.send(...messages(1, 100, 1));
  return false;
});
await log.nth(3);
const before = transport.counts.messages;
transport.send(...messages(1, 100, 1));
await transport.close(1_000);
process.stdout.write(
  JSON.stringify({
    events: log.events,
    packets: transport.counts.messages - before,
    errors: Object.keys(transport.counts.errors),
  }),
);
