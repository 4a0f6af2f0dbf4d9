// Dumps a recording, then exports it over UDP to a collector of this process and prints what arrives.
//   node examples/library.mjs [RECORDING]
import { fileURLToPath } from 'node:url';
import {
  Collector,
  createLogger,
  DESTINATION_DEFAULTS,
  Exporter,
  EXPORTER_DEFAULTS,
  loadBackend,
  parseEndpoint,
  ReplaySource,
  viewRow,
} from 'ctflow';

const recording = process.argv[2] ?? fileURLToPath(new URL('../fixtures/demo.ctflow', import.meta.url));
const backend = await loadBackend('auto');

// The connections of the first recorded dump.
const dump = new ReplaySource(recording, backend.decode);
const { rows } = await dump.dump(batch => {
  for (let i = 0; i < batch.count; i++) {
    const { protocol, original } = viewRow(batch, i);
    console.log(`dumped ${protocol} ${original.source} > ${original.destination}`);
  }
});
dump.close();

// All recorded dumps, as flow records.
let collected = 0;
const collector = new Collector({
  listen: [parseEndpoint('udp://127.0.0.1:0')],
  onRecord(record) {
    if (record.isOptions) return;
    collected++;
    const source = record.get('sourceIPv4Address') ?? record.get('sourceIPv6Address');
    const destination = record.get('destinationIPv4Address') ?? record.get('destinationIPv6Address');
    console.log(`collected ${source} > ${destination}: ${record.get('octetTotalCount')} octets`);
  },
});
const [endpoint] = await collector.open();
const exporter = new Exporter({
  ...EXPORTER_DEFAULTS,
  backend,
  source: new ReplaySource(recording, backend.decode),
  destinations: [{ ...DESTINATION_DEFAULTS, endpoint, observationDomain: 1 }],
  flowPollInterval: 50, // milliseconds, as all times
  staleConnectionTimeout: 300_000,
  firstSight: 'total',
  log: createLogger('error'),
});
await exporter.open();
await exporter.ended; // the recording has been played
await exporter.close();
await collector.close();

const { recordsExported } = exporter.stats();
console.log(`${rows} connections dumped, ${recordsExported} records exported, ${collected} collected`);
