import test from 'ava';
import { writeFlowId } from '../../src/encoder/flow-facts.js';
import { readBigInt } from '../../src/common/u64.js';
import { tcp, withoutStart } from '../helpers/builders/connections.js';
import { rows, type Facts } from '../helpers/builders/rows.js';

function flowId(facts: Facts, startMs = 0): bigint {
  const out = new Uint32Array(2);
  writeFlowId(rows(facts).u32, 0, startMs, out, 0);
  return readBigInt(out, 0);
}

test('the id and the start time make the flowId, so that it is the same after a restart', t => {
  const facts = tcp(1000, 5, [1, 2, 3, 4]);
  t.is(flowId(facts, 1), flowId({ ...facts, counters: [9, 9, 9, 9], state: 7, status: 0, timeout: 1 }, 2));
  const others: Facts[] = [
    { ...facts, id: 1 },
    { ...facts, start: facts.start! + 1n },
    { ...facts, start: facts.start! + (1n << 32n) },
  ];
  t.is(new Set([flowId(facts), ...others.map(other => flowId(other))]).size, 4);
});

test('without them the tuple and the first sight make the flowId', t => {
  const facts = withoutStart(tcp(1000, 0, [1, 2, 3, 4]));
  t.is(flowId(facts, 7), flowId({ ...facts, counters: [9, 9, 9, 9] }, 7));
  t.not(flowId(facts, 7), flowId(facts, 8));
  t.not(flowId(facts, 7), flowId(facts, 7 + 2 ** 32));
  t.not(flowId(facts, 7), flowId({ ...facts, sourcePort: 1001 }, 7));
});

test('a hundred thousand connections have as many ids', t => {
  const batch = rows(tcp(1, 0, [0, 0, 0, 0]));
  const seen = new Set<bigint>();
  const out = new Uint32Array(2);
  for (let i = 0; i < 100_000; i++) {
    batch.u32[80 >> 2] = i;
    writeFlowId(batch.u32, 0, 0, out, 0);
    seen.add(readBigInt(out, 0));
  }
  t.is(seen.size, 100_000);
});
