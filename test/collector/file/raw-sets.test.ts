import test from 'ava';
import { RawSets } from '../../../src/collector/file/raw-sets.js';
import { RawTemplate } from '../../../src/collector/file/raw-template.js';
import { hex, message, set, templateSet, u32, u8, VARIABLE } from '../../helpers/builders/ipfix-builder.js';

function rig(): { sets: RawSets; recordsOf: (bytes: Buffer) => number | undefined } {
  const sets = new RawSets({ malformedMessages: 0, undecodableSets: 0, refusedTemplates: 0 });
  const recordsOf = (bytes: Buffer): number | undefined =>
    sets
      .read(bytes)
      ?.parts.reduce((sum, part) => (part instanceof RawTemplate ? sum : sum + part.bounds.length - 1), 0);
  return { sets, recordsOf };
}

// test/fuzz/targets/send.ts has found that they were learned
test('templates of a malformed message are not used, and its sets are not counted', t => {
  const { sets, recordsOf } = rig();
  t.is(recordsOf(message({}, templateSet(256, [1, 4]), set(256, u32(1)))), 1);
  const broken = [
    templateSet(256, [82, VARIABLE]),
    templateSet(257, [4, 1]),
    templateSet(258, [1, 0]),
    set(999, u32(1)),
    set(256, hex('ff')),
  ];
  t.is(recordsOf(message({}, ...broken)), undefined);
  t.deepEqual(sets.counts, { malformedMessages: 1, undecodableSets: 0, refusedTemplates: 0 });
  t.is(recordsOf(message({}, set(256, u32(2), u32(3)))), 2);
  t.is(recordsOf(message({}, set(257, u8(6)))), 0);
  t.is(sets.counts.undecodableSets, 1);
  t.deepEqual(
    [...sets.templates()].map(([, { id }]) => id),
    [256],
  );
});

test('withdrawals of a malformed message are not obeyed', t => {
  const { sets, recordsOf } = rig();
  recordsOf(message({}, templateSet(256, [1, 4])));
  t.is(recordsOf(message({}, templateSet(256), templateSet(257, [82, VARIABLE]), set(257, hex('ff')))), undefined);
  t.is(recordsOf(message({}, set(256, u32(2)))), 1);
  t.is(recordsOf(message({}, templateSet(2))), 0);
  t.deepEqual([...sets.templates()], []);
});
