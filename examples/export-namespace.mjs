// Exports the connections of a network namespace to a collector, until Ctrl-C. Needs root and the native module.
//   sudo node examples/export-namespace.mjs NAMESPACE udp://192.0.2.10:4739
// NAMESPACE is a name of `ip netns list`, or a path such as /proc/1234/ns/net.
import { once } from 'node:events';
import {
  ConntrackSource,
  createLogger,
  DESTINATION_DEFAULTS,
  describeError,
  Exporter,
  EXPORTER_DEFAULTS,
  loadBackend,
  parseEndpoint,
} from 'ctflow';

const [netns, collector] = process.argv.slice(2);
if (!netns || !collector) {
  console.error('Usage: node export-namespace.mjs NAMESPACE udp://HOST:PORT');
  process.exit(2);
}

const stopped = once(process, 'SIGINT');
try {
  const backend = await loadBackend('native');
  const filter = {}; // every connection; { protocols: [6] } for TCP alone
  const source = new ConntrackSource({ backend, netns, filter });
  // without events, what a connection counts after the last poll is missing
  const earlierHaveNone = source.sysctl('nf_conntrack_events') !== '1';
  source.setSysctl('nf_conntrack_acct', '1'); // packets and octets of connections that begin from now on
  source.setSysctl('nf_conntrack_events', '1');

  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    backend,
    source,
    events: { kind: 'destroy', filter, netns, receiveBuffer: 8 << 20, holdEnded: 'auto', earlierHaveNone },
    destinations: [{ ...DESTINATION_DEFAULTS, endpoint: parseEndpoint(collector), observationDomain: 1 }],
    firstSight: 'total', // also what connections have counted before this program
    log: createLogger('warn'),
  });
  await exporter.open();
  console.log(`exporting ${exporter.stats().connections} connections of ${netns} to ${collector}`);

  await stopped;
  const left = await exporter.close(); // polls once more, and exports what is open
  console.log(`${exporter.stats().recordsExported} records exported, ${left} left`);
} catch (error) {
  console.error(describeError(error)); // what failed, and what to do
  process.exitCode = 1;
}
