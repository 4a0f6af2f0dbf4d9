import test from 'ava';
import { ADDRESS_FACTS, FLOW_NAMES, POD_FACTS, RULE_WORDS } from '../../src/encoder/columns.js';
import { connectionFilter, storeFilter } from '../../src/filter/store-filter.js';
import { NameTable } from '../../src/record/name-table.js';
import { ROW_WORDS } from '../../src/row/layout.generated.js';
import { ConnectionTable, HANDSHAKE } from '../../src/store/connection-table.js';
import type { FlowStore } from '../../src/store/flow-store.js';
import { tcp } from '../helpers/builders/connections.js';
import { rows } from '../helpers/builders/rows.js';

const facts = tcp(40_000, 1_700_000_000_000, [10, 1000, 20, 2000], { helper: 'sip', mark: 5, status: 1 << 14 });

test('names, rules, helpers and times of a stored connection', t => {
  const table = new ConnectionTable(4);
  const batch = rows(facts, facts);
  const [other, slot] = [table.allocate(batch.u32, 0), table.allocate(batch.u32, 48)];
  table.rows[slot * ROW_WORDS + (HANDSHAKE >> 2)] = 1_500_000;
  table.setStartMs(slot, Date.now() - 90_000);
  table.setEndMs(slot, table.startMs(slot) + 30_000);
  const names = new NameTable();
  const numbers = new Uint32Array(4 * FLOW_NAMES);
  ['web-1', 'default', 'n1', 'db-0', 'data', 'n2', 'data/db:sql'].forEach((name, i) => {
    numbers[slot * FLOW_NAMES + i] = names.intern(name);
  });
  const rules = new Uint16Array(4);
  rules[slot] = 2;
  const ruleFacts = new Uint32Array(3 * RULE_WORDS);
  ruleFacts[2 * RULE_WORDS + 1] = names.intern('wall');
  ruleFacts[2 * RULE_WORDS + 2] = names.intern('prod');
  ruleFacts[2 * RULE_WORDS + 3] = names.intern('no-sql');
  const store = { table } as unknown as FlowStore;
  const addressFacts = new Uint32Array(4 * ADDRESS_FACTS);
  addressFacts.set(
    [64_500, names.intern('DE'), 0, 64_501, names.intern('FR'), names.intern('web.example')],
    slot * ADDRESS_FACTS,
  );
  const podFacts = new Uint32Array(4 * POD_FACTS);
  const labels = names.intern('{"app":"web","team":"app"}');
  podFacts.set([names.intern('deployment/web'), labels, names.intern('statefulset/db'), 0], slot * POD_FACTS);
  const flows = { store, extras: { names: numbers, rules, ruleFacts, addressFacts, podFacts } };
  const holds = (text: string, at = slot): boolean => {
    const { lasting, changing } = storeFilter(connectionFilter(text), flows, names);
    return (lasting?.(at) ?? true) && (changing?.(at) ?? true);
  };
  for (const text of [
    'src.pod == web-1 && src.namespace == default && src.node == n1',
    'dst.pod in (db-1, db-0) && dst.namespace != default && dst.node == n2',
    'service == "data/db:sql"',
    'denied && rule == no-sql && policy == wall && policy.namespace == prod',
    'helper == sip',
    'dst.dns == web.example',
    'src.labels == "app=web" && src.labels == team && src.labels in ("app=x", "team=app") && src.labels != web',
    'src.workload == "deployment/web" && dst.workload != "deployment/web"',
    'src.asn == 64500 && dst.asn in 64501-64502 && src.country == DE && dst.country != DE',
    'age in 80s-10m && duration == 30s',
    'tcp.handshake == 1500ms && tcp.handshake > 1s && tcp.handshake < 2s',
    'offloaded && mark == 5 && bytes == 3kB && tcp.state == ESTABLISHED',
  ]) {
    t.true(holds(text), text);
  }
  for (const text of [
    'src.pod == web',
    'src.pod != web-1',
    '!denied',
    'rule != no-sql',
    'duration > 30s',
    'helper == si',
    'src.dns != web.example',
    'dst.workload == db',
    'src.labels == web',
    'src.labels == "app=we"',
    'src.labels == "app=app"',
    'src.labels != team',
    'dst.labels != x',
    'src.asn != 64500',
    'dst.country == fr',
    'tcp.handshake > 2s',
  ]) {
    t.false(holds(text), text);
  }
  const unknown = ['src.pod != web-1', 'service != x', 'denied', 'rule != x', 'src.asn != 1', 'dst.country != x'];
  for (const text of [...unknown, 'src.workload != x', 'src.labels != x']) t.false(holds(text, other), text);
  t.true(holds('!denied && helper == sip', other));
  t.false(holds('tcp.handshake < 1h', other), 'where it was not seen');
  ruleFacts[2 * RULE_WORDS] = 1 << 8;
  t.true(holds('!denied && policy == wall'), 'a rule that allows');
  const bare = storeFilter(
    connectionFilter(
      'src.pod != x || denied || rule != x || src.asn != 1 || dst.country != x || dst.workload != x || dst.labels != x',
    ),
    { store, extras: {} },
    names,
  );
  t.false(bare.changing!(slot));
});

test('what never changes is apart from what does', t => {
  const table = new ConnectionTable(1);
  const slot = table.allocate(rows(facts).u32, 0);
  const flows = { store: { table } as unknown as FlowStore, extras: {} };
  const split = (text: string): (boolean | undefined)[] => {
    const { lasting, changing } = storeFilter(connectionFilter(text), flows, new NameTable());
    return [lasting?.(slot), changing?.(slot)];
  };
  t.deepEqual(split('protocol == tcp'), [true, undefined]);
  t.deepEqual(split('!(protocol == tcp)'), [false, undefined]);
  t.deepEqual(split('mark == 5'), [undefined, true]);
  t.deepEqual(split('mark == 4 && protocol == tcp && dst.port == 443'), [true, false]);
  t.deepEqual(split('mark == 5 || protocol == udp'), [undefined, true]);
  t.deepEqual(split('(protocol == udp || dst.port == 1) && bytes > 1'), [false, true]);
});
