import { CtflowError } from '../common/errors.js';
import { nearest } from '../common/nearest.js';
import { FLOW_END_MS, FLOW_START_MS } from '../row/layout.generated.js';
import { seconds } from './fields.js';
import { antreaFields } from './profile-antrea.js';
import { standardFields, type Biflow } from './profile-standard.js';
import { isElementName } from './registry.js';
import * as shape from './shape.js';
import type { Field } from './template.js';

const EVERY_BIT = shape.STANDARD;
/** They say more than which fields there are: the family, and which directions have a record. */
const KEPT = shape.IPV6 | shape.COUNTERS | shape.REPLY_COUNTERS | shape.REVERSED;

/** What a record of this shape can have, by name. */
function fillable(bits: number, biflow: Biflow): Map<string, Field> {
  const fields = [
    ...standardFields(bits, biflow),
    seconds('flowStartSeconds', FLOW_START_MS),
    seconds('flowEndSeconds', FLOW_END_MS),
  ];
  return new Map(fields.map(field => [field.element.name, field]));
}

/** Names of elements that some record can have. */
function names(biflow: Biflow): Set<string> {
  // a flow that is too long has no duration
  const bits = EVERY_BIT & ~(shape.REVERSED | shape.LONG);
  return new Set([bits, bits & ~shape.IPV6].flatMap(each => [...fillable(each, biflow).keys()]));
}

/** Names of elements that every record has. */
function everywhere(biflow: Biflow): string[] {
  return [...fillable(0, biflow).keys()].filter(name => fillable(shape.IPV6 | shape.LONG, biflow).has(name));
}

/**
 * Whether records can have these elements, and no others.
 * @throws CtflowError CTFLOW_USAGE for one that is not known, cannot be filled or stands there twice; and where a record could
 * have none of them
 */
export function checkFieldList(list: readonly string[], biflow: Biflow): void {
  const known = names(biflow);
  list.forEach((name, i) => {
    if (!known.has(name)) throw refusal(name, known, biflow);
    if (list.indexOf(name) < i)
      throw new CtflowError('CTFLOW_USAGE', `--fields: '${name}' is given twice`, 'Give it once');
  });
  const always = everywhere(biflow);
  if (list.some(name => always.includes(name))) return;
  const hint = `Add one that every record has: ${always.join(', ')}`;
  throw new CtflowError(
    'CTFLOW_USAGE',
    '--fields: these elements are in some records alone, and others would be empty',
    hint,
  );
}

function refusal(name: string, known: ReadonlySet<string>, biflow: Biflow): CtflowError {
  const near = nearest(name, known);
  const instead = near === undefined ? 'docs/records.md lists those that can be' : `Write ${near}`;
  if (!isElementName(name))
    return new CtflowError('CTFLOW_USAGE', `--fields: '${name}' is not an information element`, instead);
  const what = `--fields: '${name}' cannot be filled`;
  if (names('reverse').has(name)) return new CtflowError('CTFLOW_USAGE', `${what} with --biflow ${biflow}`, instead);
  const antrea = antreaFields(EVERY_BIT).some(({ element }) => element.name === name);
  return new CtflowError('CTFLOW_USAGE', what, antrea ? 'Profile antrea has it' : instead);
}

/** The fields of a record, in the order of the list: those that a record of this shape has. */
export function listedFields(list: readonly string[], bits: number, biflow: Biflow): Field[] {
  const fields = fillable(bits, biflow);
  return list.map(name => fields.get(name)).filter(field => field !== undefined);
}

/** The bits of a shape that make a difference to the fields of a list. */
export function shapesOf(list: readonly string[], biflow: Biflow): number {
  const nameOf = (bits: number): string =>
    listedFields(list, bits, biflow)
      .map(({ element }) => element.name)
      .join();
  // a field depends on two bits at most, one of them the family, NAT or the direction
  const contexts = [0, shape.IPV6, shape.SOURCE_NAT, shape.PORTS, shape.REVERSED];
  const pairs = contexts.flatMap(one => contexts.map(other => one | other));
  let bits = KEPT;
  for (let bit = 1; bit <= EVERY_BIT; bit <<= 1) {
    if (pairs.some(others => nameOf(others & ~bit) !== nameOf(others | bit))) bits |= bit;
  }
  return bits;
}
