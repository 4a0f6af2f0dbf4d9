import test from 'ava';
import { compare, inOrder, inTurn } from '../../../proof/interop/compare.js';

const flow = (port: number, more: Record<string, string> = {}): Record<string, string> => ({
  protocolIdentifier: '6',
  sourceIPv4Address: '192.0.2.1',
  destinationIPv4Address: '198.51.100.1',
  sourceTransportPort: String(port),
  destinationTransportPort: '80',
  ...more,
});
const verdicts = (comparison: ReturnType<typeof compare>): Record<string, string> =>
  Object.fromEntries([...comparison.fields].map(([name, { verdict }]) => [name, verdict]));

test('an element is right, ignored or wrong, over all records that were read', t => {
  const sent = [
    flow(1, { octetDeltaCount: '60', natType: '1', mark: '7' }),
    flow(2, { octetDeltaCount: '70', mark: '8' }),
  ];
  const read = [flow(2, { octetDeltaCount: '70', mark: '8' }), flow(1, { octetDeltaCount: '61', mark: '7' })];
  const comparison = compare(sent, read);
  t.like(verdicts(comparison), {
    octetDeltaCount: 'wrong',
    natType: 'ignored',
    mark: 'right',
    protocolIdentifier: 'right',
  });
  t.regex(comparison.fields.get('octetDeltaCount')!.wrong!, /192\.0\.2\.1 1 > .*: 60 was sent, 61 is read/);
  t.deepEqual([comparison.sent, comparison.read, comparison.unexpected], [2, 2, []]);
});

test('an element that is read here and not there is wrong', t => {
  const comparison = compare([flow(1, { mark: '7' }), flow(2, { mark: '8' })], [flow(1, { mark: '7' }), flow(2)]);
  t.deepEqual(comparison.fields.get('mark'), { verdict: 'wrong', wrong: 'read in 1 records, not in 1' });
});

test('records that were not read say nothing, records that were never sent are named', t => {
  const comparison = compare([flow(1), flow(2, { mark: '8' })], [flow(1), flow(3)]);
  t.deepEqual([comparison.sent, comparison.read], [2, 1]);
  t.is(comparison.fields.get('mark')!.verdict, 'ignored');
  t.deepEqual(comparison.unexpected, ['protocol 6, 192.0.2.1 3 > 198.51.100.1 80']);
});

test('options records are told apart by their order, and a flow that comes twice is an error', t => {
  const options = [{ observationDomainId: '1' }, { observationDomainId: '2' }];
  t.is(compare(options, options).read, 2);
  t.is(compare([flow(1), flow(1)], [flow(1), flow(1)], inOrder).read, 2);
  t.throws(() => compare([flow(1), flow(1)], []), { message: /two records/ });
});

test('records of one connection are told apart by their order, whatever of them was read', t => {
  const sent = [flow(1, { natEvent: '4' }), flow(1, { natEvent: '5' }), flow(1, { octetDeltaCount: '60' })];
  const read = [flow(1), flow(1), flow(0, { octetDeltaCount: '61' })];
  const { fields, read: found, unexpected } = compare(sent, read, inTurn);
  t.deepEqual([found, unexpected], [3, []]);
  t.like(fields.get('natEvent'), { verdict: 'ignored' });
  t.regex(fields.get('octetDeltaCount')!.wrong!, /, record 3: 60 was sent, 61 is read/);
});
