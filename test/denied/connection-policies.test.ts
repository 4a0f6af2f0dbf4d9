import test from 'ava';
import { ConnectionPolicies } from '../../src/denied/connection-policies.js';
import { DeniedRules, MOST_IDS } from '../../src/denied/denied-rules.js';
import { ALLOW, DROP } from '../../src/denied/log-prefix.js';
import type { LabelPolicy, MarkPolicy, PolicyOptions } from '../../src/denied/policy.js';
import { denies, RULE_WORDS } from '../../src/encoder/columns.js';
import { NameTable } from '../../src/record/name-table.js';
import { tcp } from '../helpers/builders/connections.js';
import { prefixOf } from '../helpers/builders/denied.js';
import type { Facts } from '../helpers/builders/rows.js';
import { StoreRig } from '../helpers/rigs/store-rig.js';

const mark = (value: number, mask: number, name: string, more: Partial<MarkPolicy> = {}): MarkPolicy => ({
  mark: { value, mask },
  action: ALLOW,
  direction: 'ingress',
  namespace: 'prod',
  name,
  rule: 'r',
  ...more,
});

/** Policies of a rig's store, and what the connection of a port has. */
function begin(options: PolicyOptions, denied = false) {
  const rig = new StoreRig();
  const names = new NameTable();
  const rules = denied
    ? new DeniedRules(names, () => prefixOf('ctflow:drop:in:prod/wall:no'), undefined, 3)
    : undefined;
  const column = new Uint16Array(rig.store.table.capacity);
  const policies = new ConnectionPolicies(
    rig.store,
    options,
    names,
    rules && { rules: column, ruleFacts: rules.facts },
  );
  const { rules: ids, ruleFacts } = policies.extras;
  const seen = (slot: number): string => {
    const [facts, policy, namespace, rule] = ruleFacts!.slice(ids![slot] * RULE_WORDS);
    if (ids![slot] === 0) return '';
    const direction = facts >> 16 ? 'in' : 'out';
    const [name, where, which] = [policy, namespace, rule].map(number => names.text(number));
    return `${denies(ruleFacts, ids![slot]) ? 'deny' : 'allow'} ${direction} ${where}/${name}:${which}`;
  };
  const start = rig.wall;
  const connection = (packets: number, more: Facts): Facts => tcp(1, start, [packets, 60, 0, 0], more);
  return { rig, names, rules, ids: ids!, seen, connection };
}

test('a connection has the first policy that its mark has, and another when packets bring another mark', t => {
  const { rig, seen, connection } = begin({
    marks: [
      mark(0x10, 0xf0, 'web'),
      mark(0x11, 0xff, 'never'),
      mark(0x20, 0xf0, 'out', { action: DROP, direction: 'egress', namespace: '', rule: '' }),
    ],
  });
  rig.poll([connection(1, { mark: 0x311 })]);
  t.is(seen(0), 'allow in prod/web:r');
  rig.poll([connection(2, { mark: 0x25 })]);
  t.is(seen(0), 'deny out /out:');
  rig.poll([connection(3, { mark: 0x30 })]);
  t.is(seen(0), '');
});

test('a connection without a mark has mark 0', t => {
  const { rig, seen, connection } = begin({ marks: [mark(0, 0xff, 'unmarked')] });
  rig.poll([connection(1, {})]);
  t.is(seen(0), 'allow in prod/unmarked:r');
});

test('labels come before marks, and may come with a later packet', t => {
  const bytes = (...set: number[]): Uint8Array => {
    const label = new Uint8Array(16);
    for (const bit of set) label[bit >> 3] |= 1 << (bit & 7);
    return label;
  };
  const { mark: _, ...named } = mark(0, 0, 'labelled');
  const label: LabelPolicy = { ...named, value: bytes(100), mask: bytes(100, 3) };
  const { rig, seen, connection } = begin({ labels: [label], marks: [mark(5, 0xff, 'marked')] });
  const labels = (...set: number[]): string => Buffer.from(bytes(...set)).toString('hex');
  rig.poll([connection(1, { mark: 5 })]);
  t.is(seen(0), 'allow in prod/marked:r');
  rig.poll([connection(2, { mark: 5, labels: labels(100, 7) })]);
  t.is(seen(0), 'allow in prod/labelled:r');
  rig.poll([connection(3, { mark: 5, labels: labels(100, 3) })]);
  t.is(seen(0), 'allow in prod/marked:r');
  rig.poll([connection(4, { labels: labels(100) })]);
  t.is(seen(0), 'allow in prod/labelled:r');
  rig.poll([connection(5, {})]);
  t.is(seen(0), '', 'its labels are gone');
});

test('the next connection of a slot has none of the one before', t => {
  const { rig, seen, connection } = begin({ marks: [mark(5, 0xff, 'marked')] });
  rig.poll([connection(1, { mark: 5 })]);
  rig.poll([]);
  rig.after(60_000);
  rig.poll([tcp(2, rig.wall, [1, 60, 0, 0], { mark: 6 })]);
  t.is(seen(0), '');
});

test('a rule that has denied a packet of a connection stays, and numbers of prefixes are freed beside policies', t => {
  const { rig, seen, connection, rules, ids } = begin({ marks: [mark(5, 0xff, 'marked')] }, true);
  rig.poll([connection(1, { mark: 5 })]);
  t.is(ids[0], MOST_IDS);
  t.is(seen(0), 'allow in prod/marked:r');
  t.deepEqual([...rules!.keep(keep => keep(ids[0]))], []);
  ids[0] = rules!.idOf(7, 1);
  rig.poll([connection(2, { mark: 5 })]);
  t.is(seen(0), 'deny in prod/wall:no');
  t.deepEqual([...rules!.keep(keep => keep(ids[0]))], [7]);
});

test('names of policies stay when the table of names is tidied', t => {
  const names = new NameTable({ names: 6, bytes: 100 });
  const rig = new StoreRig();
  const { extras } = new ConnectionPolicies(rig.store, { marks: [mark(5, 0xff, 'marked')] }, names);
  for (const other of ['a', 'b']) names.intern(other);
  t.is(names.count, 6);
  names.tidy();
  t.is(names.count, 4, 'those that nobody holds are gone');
  t.deepEqual(
    [1, 2, 3].map(word => names.text(extras.ruleFacts![RULE_WORDS + word])),
    ['marked', 'prod', 'r'],
  );
});
