// Exports one record after another to the file that its argument names, on a file system of its own, until it is told to stop.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileSession } from '../helpers/rigs/file-rig.js';

const session = new FileSession(process.argv[2], { fileKeepSize: 'off' });
let stopping = false;
let exported = 0;
let said = 0;
createInterface({ input: process.stdin }).on('close', () => (stopping = true));
await session.transport.open(session);
while (!stopping) {
  if (session.transport.ready) session.export(...Array.from({ length: 100 }, () => exported++));
  for (; said < session.events.length; said++) console.log(session.events[said]);
  await sleep(5);
}
await session.transport.close(60_000);
console.log(JSON.stringify({ exported, settled: session.records, counts: session.transport.counts }));
