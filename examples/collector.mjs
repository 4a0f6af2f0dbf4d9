// Receives IPFIX from any exporter and prints a line for each flow, until Ctrl-C.
//   node examples/collector.mjs [udp://127.0.0.1:4739 tcp://127.0.0.1:4739 ...]
import { once } from 'node:events';
import { Collector, formatEndpoint, parseEndpoint } from 'ctflow';

const addresses = process.argv.slice(2);
if (addresses.length === 0) addresses.push('udp://127.0.0.1:4739');

const stopped = once(process, 'SIGINT');
const collector = new Collector({
  listen: addresses.map(address => parseEndpoint(address)),
  onRecord(record) {
    if (record.isOptions) return; // about the exporter, not about a flow
    // names of https://www.iana.org/assignments/ipfix; integers above 2^53 - 1 are bigint
    const source = record.get('sourceIPv4Address') ?? record.get('sourceIPv6Address');
    const destination = record.get('destinationIPv4Address') ?? record.get('destinationIPv6Address');
    const octets = record.get('octetDeltaCount');
    console.log(
      `${record.exporter} protocol ${record.get('protocolIdentifier')}: ${source} > ${destination}, ${octets} octets`,
    );
  },
  onTrouble(trouble) {
    console.error(trouble.kind, trouble.exporter); // malformed messages, gaps in the sequence numbers and others
  },
});
for (const endpoint of await collector.open()) console.log(`listening on ${formatEndpoint(endpoint)}`);

await stopped;
await collector.close(5_000); // reads TCP connections to their end, for 5 s at most
const { records, sequenceLost } = collector.stats();
console.log(`${records} records received, ${sequenceLost} lost`);
