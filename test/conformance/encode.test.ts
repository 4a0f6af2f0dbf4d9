import assert from 'node:assert/strict';
import test from 'ava';
import * as fc from 'fast-check';
import { backends, withoutNative } from '../helpers/backends.js';
import { seeded } from '../helpers/seed.js';
import { type Encoding, encoding, type Job } from './outcome.js';
import { jobs, oddJobs, oddPlans, validPlans } from './plan-arbitraries.js';

/** RFC 7011: lengths, sequence numbers and set headers agree with what was encoded, and nothing is lost. */
function assertSound({ answer, messages, records }: Encoding, job: Job): void {
  if (typeof answer === 'string') assert.fail(answer);
  let sequence = job.sequence;
  for (const [i, message] of messages.entries()) {
    assert.ok(message.length <= job.limit);
    assert.equal(message.readUInt16BE(0), 10);
    assert.equal(message.readUInt16BE(2), message.length);
    assert.equal(message.readUInt32BE(4), job.exportTime);
    assert.equal(message.readUInt32BE(8), sequence);
    assert.equal(message.readUInt32BE(12), job.observationDomain);
    const set = 16 + (i === 0 ? job.prefix.length : 0);
    if (i === 0) assert.deepEqual(message.subarray(16, set), Buffer.from(job.prefix));
    if (records[i] > 0) {
      assert.equal(message.readUInt16BE(set), job.templateId);
      assert.equal(message.readUInt16BE(set + 2), message.length - set);
    } else {
      assert.equal(message.length, set);
    }
    sequence = (sequence + records[i]) >>> 0;
  }
  const encoded = records.reduce((sum, count) => sum + count, 0);
  assert.equal(answer.next - job.from, encoded + answer.oversize);
}

test('encoding: identical messages', t => {
  if (withoutNative) t.log(`only the fallback: ${withoutNative}`);
  let messages = 0;
  let several = 0;
  let oversize = 0;
  const property = fc.property(jobs(validPlans), job => {
    fc.pre(job.prefix.length === 0 || 16 + job.prefix.length <= job.limit);
    const [first, ...others] = backends().map(backend => encoding(backend, job));
    assertSound(first, job);
    for (const other of others) assert.deepEqual(other, first);
    messages += first.messages.length;
    if (first.messages.length > 1) several++;
    if (typeof first.answer !== 'string') oversize += first.answer.oversize;
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 3000 }));
  t.true(
    messages > 1000 && several > 150 && oversize > 300,
    `${messages} messages, ${several} runs, ${oversize} too large`,
  );
});

test('encoding: the same requests are refused', t => {
  let refused = 0;
  let taken = 0;
  const property = fc.property(fc.oneof(jobs(oddPlans), oddJobs), job => {
    const [first, ...others] = backends().map(backend => encoding(backend, job));
    if (typeof first.answer === 'string') {
      assert.equal(first.answer, 'CTFLOW_USAGE');
      refused++;
    } else {
      assertSound(first, job);
      taken++;
    }
    for (const other of others) assert.deepEqual(other, first);
  });
  t.notThrows(() => fc.assert(property, { ...seeded(t), numRuns: 3000 }));
  t.true(refused > 300 && taken > 100, `${refused} refused, ${taken} taken`);
});
