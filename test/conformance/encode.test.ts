import assert from 'node:assert/strict';
import test from 'ava';
import * as fc from 'fast-check';
import type { Backend } from '../../src/backend/backend.js';
import {
  ENTRIES,
  ENTRY_WORDS,
  FORWARD,
  FULL,
  MESSAGES,
  MESSAGE_WORDS,
  REPLY,
  STOP,
  UNKNOWN,
  USED,
} from '../../src/encoder/request.js';
import {
  MOST_DETAILS,
  TEST_NAMES,
  TEST_ADDRESS,
  TEST_OWNER,
  TEST_POD,
  TEST_PORTS_OF,
  TEST_PRESENT,
  TEST_RULE,
  TEST_STATUS,
  TEST_TYPE,
  TEST_WORD,
} from '../../src/ipfix/details.js';
import { REVERSED } from '../../src/ipfix/shape.js';
import { EVENT, MARK, ORIG_PACKETS_WORD, ROW_WORDS } from '../../src/row/layout.generated.js';
import { backends, withoutNative } from '../helpers/backends.js';
import { EncoderRig, type EncoderRigOptions } from '../helpers/rigs/encoder-rig.js';
import { seeded } from '../helpers/seed.js';
import { flowTables, scripts, tableOf, type FlowTable, type Step } from './flow-arbitraries.js';
import { codeOf } from './outcome.js';
import { oddPlans, validPlans } from './plan-arbitraries.js';

const ALL_SHAPES = 0xf_ffff & ~REVERSED;

/** What is left of a step: counts, every byte that was written, and the export state. */
interface Trace {
  readonly answer: unknown;
  readonly progress: readonly number[];
  readonly bytes: string;
  readonly messages: readonly number[];
  readonly entries: readonly number[];
  readonly oversize: readonly number[];
  readonly exported: string;
}

/** Tests of details, each with an argument that some row meets. */
const details = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constant(TEST_PRESENT), fc.constantFrom(1, 0x2_0002, 0x1000, 0x4000)),
      fc.tuple(fc.constant(TEST_STATUS), fc.constantFrom(0xc000, 1, 0xffff_ffff)),
      fc.tuple(fc.constant(TEST_PORTS_OF), fc.constantFrom(6, 17, 1)),
      fc.tuple(fc.constant(TEST_NAMES), fc.constantFrom(1, 3, 4, 24, 64, 127)),
      fc.tuple(fc.constant(TEST_TYPE), fc.constant(0)),
      fc.tuple(fc.constant(TEST_RULE), fc.nat(15)),
      fc.tuple(fc.constant(TEST_OWNER), fc.nat(3)),
      fc.tuple(fc.constant(TEST_ADDRESS), fc.nat(7)),
      fc.tuple(fc.constant(TEST_WORD), fc.constantFrom(EVENT, MARK, 188)),
      fc.tuple(fc.constant(TEST_POD), fc.nat(5)),
    ),
    { maxLength: MOST_DETAILS },
  )
  .map(list => Uint32Array.from(list.flat()));

const options = fc.record({
  shapes: fc.constantFrom(0, 0x7f, ALL_SHAPES),
  details,
  uniflows: fc.boolean(),
  zeroDeltas: fc.boolean(),
  journal: fc.constantFrom(-1, 0, 7, 65_535),
  room: fc.constantFrom(1500, 3000, 4600, 90_000),
  reserve: fc.constantFrom(0, 0, 60, 600),
  plans: fc.tuple(validPlans, validPlans),
});
type Options = typeof options extends fc.Arbitrary<infer T> ? T : never;

/** Plays a script with an encoder. */
function play(backend: Backend, flows: FlowTable, { plans, reserve, ...chosen }: Options, script: readonly Step[]) {
  const table = tableOf(flows);
  const templates: EncoderRigOptions['templates'] = kind =>
    plans.slice(0, kind & FORWARD && kind & REPLY ? 2 : 1).map((plan, i) => ({ id: 256 + i, plan, reserve }));
  const rig = new EncoderRig(backend, table, { ...chosen, ...flows, templates, limit: 1500 });
  const { bytes, messages, entries, progress, oversize } = rig.closed;
  return script.map((step): Trace => {
    let answer: unknown;
    if (step.do === 'count') table.rows[step.slot * ROW_WORDS + ORIG_PACKETS_WORD + step.word] = step.to;
    else if (step.do === 'reserve') rig.encoder.reserve(256, step.bytes);
    else if (step.do === 'close') answer = rig.encoder.close();
    else if (step.do === 'send') rig.closed.clear();
    else answer = rig.encode(step.slots, step.reasons, step.limit);
    return {
      answer,
      progress: [...progress],
      bytes: Buffer.from(bytes.subarray(0, progress[USED])).toString('hex'),
      messages: [...messages.subarray(0, progress[MESSAGES] * MESSAGE_WORDS)],
      entries: [...entries.subarray(0, progress[ENTRIES] * ENTRY_WORDS)],
      oversize: [...oversize],
      exported: Buffer.from(rig.slots.bytes).toString('hex'),
    };
  });
}

test('encoding: identical messages, journal entries and export state', t => {
  if (withoutNative) t.log(`only the fallback: ${withoutNative}`);
  let [messages, full, oversize, entries] = [0, 0, 0, 0];
  const property = fc.property(flowTables, options, scripts, (flows, chosen, script) => {
    const [first, ...others] = backends().map(backend => play(backend, flows, chosen, script));
    for (const other of others) assert.deepEqual(other, first);
    for (const { progress } of first) {
      messages += progress[MESSAGES];
      if (progress[STOP] === FULL) full++;
      assert.notEqual(progress[STOP], UNKNOWN);
    }
    oversize += first.at(-1)!.oversize[1];
    entries += first.at(-1)!.progress[ENTRIES];
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 1500 }));
  t.true(
    messages > 1000 && full > 50 && oversize > 300 && entries > 300,
    `${messages} messages, ${full} times full, ${oversize} too large, ${entries} entries`,
  );
});

test('encoding: the same details are refused', t => {
  const table = tableOf({ rows: [], extras: {}, names: { bytes: new Uint8Array(0), ends: new Uint32Array(0) } });
  for (const [words, refused] of [
    [[], false],
    [[TEST_RULE, 0xffff_ffff], false],
    [Array<number>(MOST_DETAILS * 2).fill(0), false],
    [Array<number>(MOST_DETAILS * 2 + 2).fill(0), true],
    [[TEST_OWNER, 3], false],
    [[TEST_ADDRESS, 5], false],
    [[TEST_WORD, EVENT], false],
    [[TEST_WORD, 188], false],
    [[TEST_WORD, 189], true],
    [[TEST_WORD, 192], true],
    [[TEST_POD, 3], false],
    [[TEST_POD + 1, 0], true],
    [[TEST_NAMES], true],
  ] as const) {
    for (const backend of backends()) {
      const make = () => new EncoderRig(backend, table, { details: Uint32Array.from(words) });
      if (refused) t.throws(make, { code: 'CTFLOW_USAGE' }, `${backend.name} ${words.join()}`);
      else t.notThrows(make, `${backend.name} ${words.join()}`);
    }
  }
});

test('encoding: the same plans are refused', t => {
  let [refused, taken] = [0, 0];
  const property = fc.property(flowTables, oddPlans, (flows, plan) => {
    const [first, ...others] = backends().map(backend => {
      const rig = new EncoderRig(backend, tableOf(flows), { plan, names: flows.names, extras: flows.extras });
      try {
        return rig.all([0, 1, 2, 3]).messages;
      } catch (error) {
        return codeOf(error);
      }
    });
    for (const other of others) assert.deepEqual(other, first);
    if (typeof first !== 'string') taken++;
    else if (first === 'CTFLOW_USAGE') refused++;
    else assert.fail(first);
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 1500 }));
  t.true(refused > 300 && taken > 100, `${refused} refused, ${taken} taken`);
});
