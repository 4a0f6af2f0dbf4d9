import { ADDRESS_FACTS, denies, FLOW_NAMES, POD_FACTS, RULE_WORDS } from '../encoder/columns.js';
import { FACTS_OF_ADDRESS, FACTS_OF_POD } from '../ipfix/details.js';
import { AS_NUMBER, COUNTRY, DNS_NAME } from '../inventory/addresses/address-facts.js';
import { LABELS, WORKLOAD } from '../inventory/flow-pods.js';
import { labelText } from '../inventory/kubernetes/labels.js';
import type { Flows } from '../record/flows.js';
import { NO_NAME, type NameTable } from '../record/name-table.js';
import { HAS_HELPER, PRESENT_WORD, ROW_WORDS } from '../row/layout.generated.js';
import { HANDSHAKE } from '../store/connection-table.js';
import type { FlowFilter } from '../schedule/visibility.js';
import { within, type Condition, type NumberCondition, type TextCondition } from './condition.js';
import { Filter, type Matches } from './filter.js';
import { HELPER_BYTES, helperEnd, rowTest, textTest } from './row-fields.js';

const HANDSHAKE_WORD = HANDSHAKE >> 2;

/** Where a flow has its names, of FLOW_NAMES. */
const NAMES: Readonly<Record<string, number>> = {
  'src.pod': 0,
  'src.namespace': 1,
  'src.node': 2,
  'dst.pod': 3,
  'dst.namespace': 4,
  'dst.node': 5,
  service: 6,
};
/** Where a flow has its facts of addresses, of ADDRESS_FACTS: numbers, and names. */
const AS_NUMBERS: Readonly<Record<string, number>> = {
  'src.asn': AS_NUMBER,
  'dst.asn': FACTS_OF_ADDRESS + AS_NUMBER,
};
const ADDRESS_NAMES: Readonly<Record<string, number>> = {
  'src.country': COUNTRY,
  'dst.country': FACTS_OF_ADDRESS + COUNTRY,
  'src.dns': DNS_NAME,
  'dst.dns': FACTS_OF_ADDRESS + DNS_NAME,
};
/** Where a flow has its facts of pods, of POD_FACTS. */
const WORKLOADS: Readonly<Record<string, number>> = {
  'src.workload': WORKLOAD,
  'dst.workload': FACTS_OF_POD + WORKLOAD,
};
const POD_LABELS: Readonly<Record<string, number>> = {
  'src.labels': LABELS,
  'dst.labels': FACTS_OF_POD + LABELS,
};
/** Where a rule has its names, of RULE_WORDS. */
const RULE_NAMES: Readonly<Record<string, number>> = { policy: 1, 'policy.namespace': 2, rule: 3 };

/**
 * A filter of a destination.
 * @throws FilterError with the column of the mistake
 */
export function connectionFilter(text: string): Filter {
  return new Filter(text, 'run');
}

/** A filter over the flows of a store, by slot. */
export function storeFilter(filter: Filter, flows: Flows, names: NameTable): FlowFilter {
  return filter.split((field, condition) => test(field, condition, flows, names));
}

function test(field: string, condition: Condition, flows: Flows, names: NameTable): Matches<number> {
  const { table } = flows.store;
  const found =
    (condition.kind === 'number' && (timeTest(field, condition, flows) ?? asTest(field, condition, flows))) ||
    (condition.kind === 'text' && nameTest(field, condition, flows, names)) ||
    (condition.kind === 'flag' && field === 'denied' && deniedTest(flows, condition.wanted)) ||
    rowTest(
      { bytes: table.bytes, u16: new Uint16Array(table.bytes.buffer, table.bytes.byteOffset), u32: table.rows },
      field,
      condition,
    );
  if (found) return found;
  throw new Error(`a connection has no field ${field}`);
}

/** Milliseconds from the start of a flow to its last packet, or to now; those of its handshake. */
function timeTest(field: string, { lows, highs }: NumberCondition, { store }: Flows): Matches<number> | undefined {
  const { table } = store;
  if (field === 'age') return slot => within(lows, highs, Math.max(Date.now() - table.startMs(slot), 0));
  if (field === 'duration') return slot => within(lows, highs, Math.max(table.endMs(slot) - table.startMs(slot), 0));
  if (field === 'tcp.handshake') {
    return slot => {
      const microseconds = table.rows[slot * ROW_WORDS + HANDSHAKE_WORD];
      return microseconds !== 0 && within(lows, highs, Math.floor(microseconds / 1_000));
    };
  }
  return undefined;
}

function asTest(field: string, { lows, highs }: NumberCondition, { extras }: Flows): Matches<number> | undefined {
  const at = AS_NUMBERS[field];
  if (at === undefined) return undefined;
  const { addressFacts: facts } = extras;
  if (!facts) return () => false;
  return slot => {
    const number = facts[slot * ADDRESS_FACTS + at];
    return number !== 0 && within(lows, highs, number);
  };
}

function nameTest(
  field: string,
  condition: TextCondition,
  { store, extras }: Flows,
  names: NameTable,
): Matches<number> | undefined {
  const test = textTest(condition);
  const isName = (number: number): boolean =>
    number !== NO_NAME && test(names.bytes, names.ends[number - 1], names.ends[number]);
  if (field === 'helper') {
    const { table } = store;
    const { helpers } = table.columns(extras);
    return slot => {
      if ((table.rows[slot * ROW_WORDS + PRESENT_WORD] & HAS_HELPER) === 0) return false;
      const from = slot * HELPER_BYTES;
      return test(helpers, from, helperEnd(helpers, from));
    };
  }
  const word = RULE_NAMES[field];
  if (word !== undefined) {
    const { rules, ruleFacts } = extras;
    if (!rules || !ruleFacts) return () => false;
    return slot => rules[slot] !== 0 && isName(ruleFacts[rules[slot] * RULE_WORDS + word]);
  }
  const fact = ADDRESS_NAMES[field];
  if (fact !== undefined) {
    const { addressFacts: facts } = extras;
    return facts ? slot => isName(facts[slot * ADDRESS_FACTS + fact]) : () => false;
  }
  const workload = WORKLOADS[field];
  if (workload !== undefined) {
    const { podFacts: facts } = extras;
    return facts ? slot => isName(facts[slot * POD_FACTS + workload]) : () => false;
  }
  const labels = POD_LABELS[field];
  if (labels !== undefined) {
    const { podFacts: facts } = extras;
    const has = labelTest(condition, names);
    return facts ? slot => has(facts[slot * POD_FACTS + labels]) : () => false;
  }
  const at = NAMES[field];
  if (at === undefined) return undefined;
  const { names: numbers } = extras;
  return numbers ? slot => isName(numbers[slot * FLOW_NAMES + at]) : () => false;
}

/** Whether labels, by the number of their JSON, have one of these: KEY=VALUE, or KEY alone. */
function labelTest({ texts, not }: TextCondition, names: NameTable): Matches<number> {
  const wanted = texts.map(text => {
    const end = text.indexOf('=');
    return end < 0 ? labelText(text) : labelText(text.slice(0, end), text.slice(end + 1));
  });
  return number => {
    if (number === NO_NAME) return false;
    const json = names.text(number);
    return wanted.some(label => json.includes(label)) !== not;
  };
}

function deniedTest({ extras: { rules, ruleFacts } }: Flows, wanted: boolean): Matches<number> {
  return slot => (rules !== undefined && denies(ruleFacts, rules[slot])) === wanted;
}
