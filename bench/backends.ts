import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import benny from 'benny';
import type { Backend } from '../src/backend.js';
import { Batch } from '../src/batch.js';
import { filterWords } from '../src/filter.js';
import { standardFields } from '../src/ipfix/profile-standard.js';
import { shapeOf } from '../src/ipfix/shape.js';
import { compilePlan } from '../src/ipfix/template.js';
import { RECORD_SIZE, ROW_SIZE } from '../src/layout.generated.js';
import { loadBackend } from '../src/load-backend.js';

// Native against fallback: `npm run bench -- --records 10000`. Both must give the same bytes before either is timed. One
// operation is the whole batch; the cost of a record is in the last column.
const { values } = parseArgs({ options: { records: { type: 'string', default: '10000' } } });
const records = Number(values.records);
const backends = [await loadBackend('native'), await loadBackend('fallback')];
const timing = { minTime: 1, maxTime: 3, minSamples: 20 };

const message = connectionMessage();
const netlink = repeat(message, records);
const rows = backends.map(() => new Uint8Array(records * ROW_SIZE));
const decodeWith = (backend: Backend, into: Uint8Array): number =>
  backend.decode(netlink, true, filterWords({}), into).rows;
for (const [i, backend] of backends.entries()) same(decodeWith(backend, rows[i]), records, 'rows');
same(Buffer.compare(rows[0], rows[1]), 0, 'difference of the rows');

const batch = new Batch(records, RECORD_SIZE);
for (let i = 0; i < records; i++) batch.bytes.set(rows[0].subarray(i * ROW_SIZE, (i + 1) * ROW_SIZE), i * RECORD_SIZE);
const table = new Uint8Array(rows[0]);
const plan = compilePlan(standardFields(shapeOf(new Uint32Array(table.buffer), table, 0), 'reverse'));
const outs = backends.map(() => new Uint8Array(records * RECORD_SIZE));
const lengths = new Uint32Array(records * 2);
const encodeWith = (backend: Backend, out: Uint8Array): number =>
  backend.encode({
    plan,
    names: new Uint8Array(0),
    nameEnds: new Uint32Array(0),
    templateId: 256,
    records: batch.bytes,
    from: 0,
    to: records,
    exportTime: 0,
    sequence: 0,
    observationDomain: 1,
    prefix: new Uint8Array(0),
    limit: 1372,
    out,
    lengths,
  }).next;
for (const [i, backend] of backends.entries()) same(encodeWith(backend, outs[i]), records, 'records');
same(Buffer.compare(outs[0], outs[1]), 0, 'difference of the messages');

await suite('decode', i => decodeWith(backends[i], rows[i]));
await suite('encode', i => encodeWith(backends[i], outs[i]));

async function suite(name: string, run: (backend: number) => number): Promise<void> {
  const summary = await benny.suite(
    `${name}, ${records} records an operation`,
    ...backends.map((backend, i) => benny.add(backend.name, () => void run(i), timing)),
    benny.cycle(),
  );
  for (const { name: backend, details } of summary.results) {
    process.stdout.write(`${name} ${backend}: ${((details.median * 1e9) / records).toFixed(1)} ns a record\n`);
  }
}

/** One ctnetlink message of an IPv4 TCP connection, the first of the recorded fixture. */
function connectionMessage(): Uint8Array {
  const file = readFileSync(new URL('../../test/fixtures/rich.ctflow', import.meta.url));
  const first = file.indexOf('DATA') + 8;
  return file.subarray(first, first + file.readUInt32LE(first));
}

function repeat(bytes: Uint8Array, times: number): Uint8Array {
  const out = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) out.set(bytes, i * bytes.length);
  return out;
}

function same(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, not ${expected}; nothing is timed`);
}
