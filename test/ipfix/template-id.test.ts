import test from 'ava';
import { FIRST_DETAIL } from '../../src/ipfix/details.js';
import { createProfile } from '../../src/ipfix/profile.js';
import * as shape from '../../src/ipfix/shape.js';
import { templateId } from '../../src/ipfix/template-id.js';
import { templateRecord } from '../../src/ipfix/template.js';

/** Each bit of a shape that a profile knows, on its own and with the others. */
function* kindsOf(shapes: number): Generator<number> {
  for (let kind = shapes; ; kind = (kind - 1) & shapes) {
    yield kind;
    if (kind === 0) return;
  }
}

const profiles = [
  createProfile('antrea', 'reverse', false),
  createProfile('standard', 'reverse', false),
  createProfile('standard', 'reverse', true),
  createProfile('standard', 'two-uniflows', true),
  createProfile('standard', 'reverse', false, undefined, { ingress: 1, egress: 2 }),
  createProfile('standard', 'two-uniflows', false, undefined, { ingress: 1, egress: 2 }),
  createProfile('nat', 'reverse', false),
  createProfile('nat', 'two-uniflows', false),
  createProfile('nat', 'reverse', false, undefined, 'none', {}, { instance: 1, time: 'nanoseconds' }),
  createProfile('standard', 'reverse', false, undefined, 'route'),
  createProfile('standard', 'two-uniflows', false, undefined, 'route'),
];

test('RFC 7011 8: equal ids mean equal templates, whoever sends them, and each template has one id', t => {
  const byId = new Map<number, string>();
  const byFields = new Map<string, number>();
  const counts: number[] = [];
  for (const profile of profiles) {
    const own = new Set<number>();
    const details = ((1 << profile.details.length) - 1) << FIRST_DETAIL;
    for (const kind of kindsOf(profile.shapes | details)) {
      // only a record of its own for the reply direction is reversed; no row has both
      if (kind & shape.REVERSED && !(profile.uniflows && kind & shape.REPLY_COUNTERS)) continue;
      if ((kind & shape.PORTS && kind & shape.ICMP) || (kind & shape.ZONE && kind & shape.REPLY_ZONE)) continue;
      // only TCP has states, and no row counts the reply direction alone
      if (kind & shape.TCP_HISTORY && !(kind & shape.PORTS) && profile.name === 'standard') continue;
      if (kind & shape.REPLY_COUNTERS && !(kind & shape.COUNTERS)) continue;
      const id = templateId(profile, kind | profile.always);
      const fields = Buffer.from(templateRecord(0, profile.fieldsOf(kind | profile.always))).toString('hex');
      if ((byId.get(id) ?? fields) !== fields) t.fail(`id ${id} has two templates`);
      if ((byFields.get(fields) ?? id) !== id) t.fail(`ids ${id} and ${byFields.get(fields)} have one template`);
      byId.set(id, fields);
      byFields.set(fields, id);
      own.add(id);
    }
    counts.push(own.size);
  }
  // as docs/design/export.md has them: a collector has to keep 64 at a time
  t.deepEqual(counts, [8, 2304, 9216, 6144, 2304, 1536, 234, 162, 234, 9216, 6144]);
  t.true(byId.size > 1_000, `${byId.size} templates`);
  t.true(Math.min(...byId.keys()) >= 512, 'options templates have the ids below');
  t.true(Math.max(...byId.keys()) <= 65_535);
});
