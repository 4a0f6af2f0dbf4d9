import test from 'ava';
import { ANTREA, IANA, NETFILTER, REVERSE } from '../../src/ipfix/element.js';
import { ANTREA_ELEMENTS, NETFILTER_ELEMENTS } from '../../src/ipfix/enterprise-elements.js';
import { IANA_ELEMENTS } from '../../src/ipfix/registry.generated.js';
import { elementById, elementByName } from '../../src/ipfix/registry.js';

test('finds IANA elements by id and by name', t => {
  const octets = { id: 1, enterprise: IANA, name: 'octetDeltaCount', type: 'unsigned64' } as const;
  t.deepEqual(elementById(0, 1), octets);
  t.deepEqual<unknown, unknown>(elementById(0, 1), octets);
  t.is(elementById(0, 12)?.name, 'destinationIPv4Address');
  t.is(elementById(0, 153)?.type, 'dateTimeMilliseconds');
  t.is(elementById(0, 292)?.type, 'subTemplateList');
});

test('has every typed element of the registry, deprecated ones included', t => {
  t.is(IANA_ELEMENTS.length, 502);
  for (const id of [515, 520, 525]) t.is(elementById(0, id)?.type, 'unsigned256');
  t.is(elementById(0, 100)?.name, 'className'); // deprecated
  for (const id of [0, 65, 97, 105, 416]) t.is(elementById(0, id), undefined, String(id));
});

test('identifiers of 64 bits are marked, those of other semantics and widths are not', t => {
  for (const name of ['flowId', 'reverseFlowId', 'observationPointId', 'selectorId']) {
    t.true(elementByName(name).wideIdentifier, name);
  }
  for (const name of ['octetDeltaCount', 'flowKeyIndicator', 'observationDomainId', 'conntrack_id']) {
    t.is(elementByName(name).wideIdentifier, undefined, name);
  }
});

test('names carry no white space', t => {
  t.is(elementById(0, 288)?.name, 'p2pTechnology');
  for (const [id, name] of IANA_ELEMENTS) t.regex(name, /^[A-Za-z0-9]+$/, String(id));
});

test('reverse elements of RFC 5103 have the forward id and type under PEN 29305', t => {
  t.deepEqual(elementById(29305, 1), {
    id: 1,
    enterprise: REVERSE,
    name: 'reverseOctetDeltaCount',
    type: 'unsigned64',
  });
  t.is(elementByName('reverseFlowEndMilliseconds').id, 153);
  t.is(elementById(29305, 416), undefined);
});

test("Antrea's and Netfilter's elements", t => {
  t.deepEqual(elementByName('tcpState'), { id: 136, enterprise: ANTREA, name: 'tcpState', type: 'string' });
  t.is(elementById(56506, 172)?.name, 'proxySnatPort');
  t.is(ANTREA_ELEMENTS.length, 73);
  t.deepEqual(elementById(21373, 4), { id: 4, enterprise: NETFILTER, name: 'mark', type: 'unsigned32' });
  t.is(elementByName('conntrack_id').id, 6);
});

test('a name belongs to one element, and an id to one name', t => {
  const names = new Set<string>();
  const ids = new Set<string>();
  const tables = [
    [IANA, IANA_ELEMENTS],
    [REVERSE, IANA_ELEMENTS],
    [ANTREA, ANTREA_ELEMENTS],
    [NETFILTER, NETFILTER_ELEMENTS],
  ] as const;
  let count = 0;
  for (const [enterprise, table] of tables) {
    for (const [id] of table) {
      const element = elementById(enterprise, id)!;
      t.is(elementByName(element.name), element);
      names.add(element.name);
      ids.add(`${enterprise}/${id}`);
      count++;
    }
  }
  t.is(names.size, count);
  t.is(ids.size, count);
});

test('an unknown id is undefined, an unknown name is an error', t => {
  t.is(elementById(0, 32767), undefined);
  t.is(elementById(9, 1), undefined);
  t.throws(() => elementByName('octetDeltacount'), { code: 'CTFLOW_USAGE', message: /'octetDeltacount'/ });
});
