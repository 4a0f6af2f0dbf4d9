// Writes the connections that the kernel has now into an IPFIX file (RFC 5655), without an exporter. Needs root.
//   sudo node examples/encode.mjs flows.ipfix
//   node examples/encode.mjs flows.ipfix fixtures/demo.ctflow     plays a recording, on any system
// Read it with `ctflow collect flows.ipfix`. Messages can go into a socket, a queue or a database in the same way.
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { ConntrackSource, IpfixEncoder, loadBackend, ReplaySource } from 'ctflow';

const [path, recording] = process.argv.slice(2);
if (!path) {
  console.error('Usage: node encode.mjs FILE [RECORDING]');
  process.exit(2);
}

const backend = await loadBackend('auto');
const source = recording ? new ReplaySource(recording, backend.decode) : new ConntrackSource({ backend });
const encoder = new IpfixEncoder({ backend, observationDomain: 1, messageSize: 16_384 });
const file = createWriteStream(path);

let messages = 0;
const summary = await source.dump(async (batch, at) => {
  for (const message of encoder.encode(batch, at)) {
    messages++;
    // the kernel waits until the file has taken it: memory stays the same at a million connections
    if (!file.write(message)) await new Promise(resolve => file.once('drain', resolve));
  }
});
source.close();
file.end();
await finished(file);
console.log(`${summary.rows} connections in ${messages} messages`);
