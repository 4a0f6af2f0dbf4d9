/**
 * Run in the router: listens to DESTROY events beside the exporter. For each line of its standard input it prints how many
 * have come up to now; when that has ended it prints what each ended connection counted, a line of JSON for each, and at
 * last how often its receive buffer ran over.
 */
import { createInterface } from 'node:readline';
import { writeFlowId } from '../src/encoder/flow-facts.js';
import { ORIG_OCTETS, ORIG_PACKETS, REPLY_OCTETS, REPLY_PACKETS } from '../src/row/layout.generated.js';
import { loadBackend } from '../src/backend/load.js';
import { readBigInt, readNumber } from '../src/common/u64.js';
import type { EndedConnection } from './witness.js';

/** With `demanding` as its argument the kernel delivers to everybody again what did not fit into a buffer that is small. */
const demanding = process.argv[2] === 'demanding';
/** Otherwise with room for every event of a large run. */
const receiveBuffer = demanding ? 4096 : 256 << 20;
/** In the order of Ledger's numbers. */
const COUNTERS = [ORIG_PACKETS, ORIG_OCTETS, REPLY_PACKETS, REPLY_OCTETS];

const ended: EndedConnection[] = [];
const id = new Uint32Array(2);
const backend = await loadBackend('native', () => {});
const events = backend.openEvents(
  { filter: {}, kinds: ['destroy'], broadcastError: demanding, receiveBuffer },
  {
    onBatch({ u32, size, count }) {
      for (let row = 0; row < count; row++) {
        const from = (row * size) >> 2;
        writeFlowId(u32, from, 0, id, 0);
        ended.push({
          flowId: String(readBigInt(id, 0)),
          totals: COUNTERS.map(offset => readNumber(u32, from + (offset >> 2))),
        });
      }
    },
    onError(error) {
      throw error;
    },
  },
);
process.stdout.write('ready\n');
for await (const _ of createInterface({ input: process.stdin })) {
  await events.drain();
  process.stdout.write(`${JSON.stringify({ mark: ended.length })}\n`);
}
await events.drain();
for (const connection of ended) process.stdout.write(`${JSON.stringify(connection)}\n`);
process.stdout.write(`${JSON.stringify({ overrun: events.counts().overrun })}\n`);
events.close();
