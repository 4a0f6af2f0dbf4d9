import test from 'ava';
import { DeniedRules } from '../../src/denied/denied-rules.js';
import { FlowFacts } from '../../src/encoder/flow-facts.js';
import * as layout from '../../src/row/layout.generated.js';
import { NameTable } from '../../src/record/name-table.js';
import { ExportSlots } from '../../src/schedule/export-state.js';
import { PREFIXES, prefixOf } from '../helpers/builders/denied.js';
import { flowTable } from '../helpers/builders/flow-table.js';

const INPUT = 1;
const FORWARD = 2;
const OUTPUT = 3;

const NUMBERS = {
  ingress: [
    layout.INGRESS_POLICY_NAMESPACE,
    layout.INGRESS_POLICY_NAME,
    layout.INGRESS_RULE_NAME,
    layout.INGRESS_RULE_ACTION,
  ],
  egress: [
    layout.EGRESS_POLICY_NAMESPACE,
    layout.EGRESS_POLICY_NAME,
    layout.EGRESS_RULE_NAME,
    layout.EGRESS_RULE_ACTION,
  ],
};

/** Reads the facts of one flow, where those of another were before. */
function write(prefix: number, hook: number) {
  const names = new NameTable();
  const rules = new DeniedRules(names, number => prefixOf(PREFIXES[number]));
  const table = flowTable({}, {}, {}, {});
  const columns = table.columns({
    rules: Uint16Array.of(0, 0, 0, rules.idOf(prefix, hook)),
    ruleFacts: rules.facts,
  });
  const facts = new FlowFacts(columns, new ExportSlots(4).bytes);
  facts.bytes.fill(0xff);
  const name = (number: number) =>
    Buffer.from(names.bytes.subarray(number ? names.ends[number - 1] : 0, names.ends[number])).toString();
  const read = (slot: number) => {
    facts.read(slot, 1);
    const direction = ([namespace, policy, rule, action]: number[]) => [
      ...[namespace, policy, rule].map(offset => name(facts.words[(offset - layout.ROW_SIZE) >> 2])),
      facts.bytes[action - layout.ROW_SIZE],
    ];
    return {
      status: facts.bytes[layout.FORWARDING_STATUS - layout.ROW_SIZE],
      ingress: direction(NUMBERS.ingress),
      egress: direction(NUMBERS.egress),
    };
  };
  return { read, names };
}

const nothing = ['', '', '', 0];

test('a rule fills the fields of its direction, and empties the others', t => {
  t.deepEqual(write(1, INPUT).read(3), {
    status: 130,
    ingress: ['prod', 'web', 'ssh', 2],
    egress: nothing,
  });
  t.deepEqual(write(2, INPUT).read(3), {
    status: 129,
    ingress: nothing,
    egress: ['prod', 'db', 'all', 3],
  });
});

test('where the prefix names no direction the hook does', t => {
  for (const hook of [INPUT, FORWARD]) t.deepEqual(write(3, hook).read(3).ingress, ['', '', 'plain', 2]);
  t.like(write(3, OUTPUT).read(3), { ingress: nothing, egress: ['', '', 'plain', 2] });
  t.like(write(3, 255).read(3), { egress: ['', '', 'plain', 2] });
});

test('a flow without denied packets has empty fields', t => {
  t.deepEqual(write(1, INPUT).read(2), { status: 0, ingress: nothing, egress: nothing });
});

test('name numbers stay valid when the name table is compacted', t => {
  const { read, names } = write(1, INPUT);
  read(3);
  const limit = 1 << 19;
  for (let n = 0; n < limit; n++) names.intern(`${n}`);
  names.tidy();
  t.true(names.count < limit);
  t.deepEqual(read(3).ingress, ['prod', 'web', 'ssh', 2]);
});

test('the ids of rules and hooks are distinct and fit into 16 bits', t => {
  const rules = new DeniedRules(new NameTable(), () => prefixOf(''));
  const ids = new Set<number>();
  for (let prefix = 0; prefix < 4096; prefix++) for (let hook = 0; hook < 6; hook++) ids.add(rules.idOf(prefix, hook));
  t.is(ids.size, 4096 * 6);
  t.true(Math.max(...ids) < 1 << 16);
  t.false(ids.has(0));
});
