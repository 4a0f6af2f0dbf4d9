import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import { createProfile, PROFILE_NAMES } from '../../src/ipfix/profile.js';
import { shapeOf } from '../../src/ipfix/shape.js';
import { compilePlan } from '../../src/ipfix/template.js';
import { ROW_SIZE } from '../../src/row/layout.generated.js';
import { messagesOf, rowsOf, tableOf } from '../fixtures/expected.js';
import { backends, withoutNative } from '../helpers/backends.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/${name}`, import.meta.url));
const demo = fileURLToPath(new URL('../../../fixtures/demo.ctflow', import.meta.url));

for (const name of ['rich', 'big-endian']) {
  for (const decoder of backends()) {
    test(`${name}: ${decoder.name} decodes to the stored rows`, async t => {
      if (withoutNative) t.log(`only the fallback: ${withoutNative}`);
      const rows = await rowsOf(fixture(`${name}.ctflow`), decoder);
      t.true(rows.length >= 5 * ROW_SIZE);
      if (HOST_LITTLE_ENDIAN) t.deepEqual(rows, await readFile(fixture(`${name}.rows`)));
    });

    for (const encoder of backends()) {
      test(`${name}: decoded by ${decoder.name} and encoded by ${encoder.name}, the stored messages`, async t => {
        const rows = await rowsOf(fixture(`${name}.ctflow`), decoder);
        const messages = messagesOf(tableOf(rows), encoder);
        t.is(messages.readUInt32BE(8), 0xffffffff);
        if (HOST_LITTLE_ENDIAN) t.deepEqual(messages, await readFile(fixture(`${name}.ipfix`)));
      });
    }
  }
}

for (const profile of PROFILE_NAMES) {
  test(`every pairing gives the same messages of profile ${profile}`, async t => {
    const { shapes, fieldsOf } = createProfile(profile, 'reverse', true);
    const outcomes = new Set<string>();
    let pairings = 0;
    for (const decoder of backends()) {
      for (const encoder of backends()) {
        const messages: string[] = [];
        for (const path of [demo, fixture('rich.ctflow'), fixture('big-endian.ctflow')]) {
          const rows = await rowsOf(path, decoder);
          for (let at = 0; at < rows.length; at += ROW_SIZE) {
            const row = Uint8Array.from(rows.subarray(at, at + ROW_SIZE));
            const plan = compilePlan(fieldsOf(shapeOf(new Uint32Array(row.buffer), row, 0) & shapes));
            messages.push(messagesOf(tableOf(row), encoder, plan).toString('hex'));
          }
        }
        t.true(messages.length > 200);
        outcomes.add(messages.join());
        pairings++;
      }
    }
    t.is(outcomes.size, 1);
    t.is(pairings, backends().length ** 2);
  });
}
