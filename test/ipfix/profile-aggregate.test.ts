import test from 'ava';
import { FIELDS } from '../../src/filter/fields.js';
import { AGGREGATE_KEYS, aggregateProfile, REMAINDER_FLAG } from '../../src/ipfix/profile-aggregate.js';
import { flowKeysSet } from '../../src/ipfix/options.js';
import * as shape from '../../src/ipfix/shape.js';
import { HAS_HELPER } from '../../src/row/layout.generated.js';

test('keys have the names of the fields of filters', t => {
  t.deepEqual(
    AGGREGATE_KEYS.filter(key => !FIELDS.has(key)),
    [],
  );
});

test('options say that what is a key is one, also where the element alone is none', t => {
  const profile = aggregateProfile(['protocol', 'nat.dst', 'mark'], 'reverse', undefined);
  const fields = profile.fieldsOf(shape.COUNTERS | shape.REPLY_COUNTERS | shape.MARK);
  t.deepEqual(
    fields.slice(0, 5).map(({ element }) => element.name),
    ['protocolIdentifier', 'postNATDestinationIPv4Address', 'mark', 'ipVersion', 'flowStartMilliseconds'],
  );
  const { set } = flowKeysSet([{ id: 300, fields }]);
  t.is(Buffer.from(set).toString('hex', 4), '012c000000000000000f');
});

test('the remainder has the template of no key, and fixed interfaces as all others', t => {
  const profile = aggregateProfile(['protocol', 'src'], 'reverse', { ingress: 2, egress: 3 });
  t.is(REMAINDER_FLAG, HAS_HELPER);
  const fields = profile.fieldsOf(profile.always | shape.COUNTERS | shape.HELPER);
  t.deepEqual(
    fields.map(({ element }) => element.name),
    [
      'flowStartMilliseconds',
      'flowEndMilliseconds',
      'flowDurationMilliseconds',
      'packetDeltaCount',
      'octetDeltaCount',
      'biflowDirection',
      'deltaFlowCount',
      'ingressInterface',
      'egressInterface',
    ],
  );
});

test('a sum that is too long has no duration', t => {
  const profile = aggregateProfile(['protocol'], 'two-uniflows', undefined);
  const names = profile.fieldsOf(shape.LONG | shape.REVERSED).map(({ element }) => element.name);
  t.deepEqual(names, ['protocolIdentifier', 'flowStartMilliseconds', 'flowEndMilliseconds']);
});
