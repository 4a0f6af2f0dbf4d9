import { CtflowError } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import { U16_MAX, U32_MAX } from '../../common/unsigned.js';
import { FIRST_DETAIL, MOST_DETAILS, type Detail } from '../details.js';
import { REVERSE, type Element } from '../element.js';
import { MOST_FLOW_TEMPLATES } from '../options.js';
import { antreaFields } from '../profile-antrea.js';
import { elementById, elementByName, isElementName } from '../registry.js';
import * as shape from '../shape.js';
import type { Field } from '../template.js';
import {
  detailedFields,
  needOf,
  shapedFields,
  UNREGISTERED,
  type DetailedField,
  type ListContext,
  type Way,
} from './elements.js';
import { countTemplates, keyOf, leaveOut, templateKeys } from './list-templates.js';

const EVERY_BIT = shape.STANDARD | shape.INGRESS | shape.EGRESS;
/** They say more than which fields there are: the family, and which directions have a record. */
const KEPT = shape.IPV6 | shape.COUNTERS | shape.REPLY_COUNTERS | shape.REVERSED;
/** An element as a list names it: `tcpState=12345/7`. */
const OWN_ELEMENT = /^(\w{1,64})=(\d{1,10})\/(\d{1,5})$/;
const MOST_ID = U16_MAX >> 1;
const NEEDS = {
  inventory: '--inventory',
  denied: '--nflog-group',
  tcpStates: '--tcp-state-history',
  interfaces: '--interfaces',
} as const;

/** Elements of a destination's own choice, in place of those of profile standard. */
export class FieldList {
  readonly names: readonly string[];
  readonly context: ListContext;
  /** The bits of a shape that make a difference to the template. */
  readonly shapes: number;
  /** The details that do: see Detail. */
  readonly details: readonly Detail[];
  /** By name, of the original direction and of the reply direction. */
  readonly #detailed: readonly [
    forward: ReadonlyMap<string, DetailedField>,
    reversed: ReadonlyMap<string, DetailedField>,
  ];
  readonly #numbers: Map<string, number>;

  /**
   * @throws CtflowError CTFLOW_USAGE for an element that is not known, cannot be filled or stands there twice, where a record could
   * have none of them, and where they can lead to more templates than a collector has to keep
   */
  constructor(names: readonly string[], context: ListContext) {
    this.names = names;
    this.context = context;
    const own = ownElements(names);
    this.#detailed = [new Map([...detailedFields(false), ...own]), new Map([...detailedFields(true), ...own])];
    check(names, context, own);
    const directions = context.biflow === 'two-uniflows' ? this.#detailed : [this.#detailed[0]];
    this.details = [...new Set(directions.flatMap(fields => names.flatMap(name => fields.get(name)?.details ?? [])))];
    this.#checkTemplates();
    this.shapes = this.#shapesThatMatter();
    this.#numbers = new Map(templateKeys(this).map((key, number) => [key, number]));
  }

  /** The fields of a record, in the order of the list: those that a record of this kind has. */
  fieldsOf(kind: number): Field[] {
    return this.#each(kind, this.#detailsOf(kind)).filter(field => field !== undefined);
  }

  /** A number from 0 on for each template, the same for each exporter with the same settings. */
  numberOf(kind: number): number {
    const key = keyOf(this.#each(kind, this.#detailsOf(kind)).map(field => field !== undefined));
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    // of facts that do not come together
    this.#numbers.set(key, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** Which of the elements a record has. */
  presence(ways: readonly Way[]): boolean[] {
    const bits = ways.reduce((all, way) => all | way.bits, 0);
    const details = new Set(ways.flatMap(way => way.details));
    return this.#each(bits, detail => details.has(detail)).map(field => field !== undefined);
  }

  /** @param has whether the record has a detail */
  #each(bits: number, has: (detail: Detail) => boolean): (Field | undefined)[] {
    const detailed = this.#detailed[bits & shape.REVERSED ? 1 : 0];
    const shaped = shapedFields(bits, this.context);
    return this.names.map(name => (this.#detailed[0].has(name) ? detailed.get(name)?.field(has) : shaped.get(name)));
  }

  #detailsOf(kind: number): (detail: Detail) => boolean {
    return detail => (kind & (1 << (FIRST_DETAIL + this.details.indexOf(detail)))) !== 0;
  }

  #checkTemplates(): void {
    const count = countTemplates(this);
    if (count > MOST_FLOW_TEMPLATES) {
      throw usage(
        `records can have these elements in ${count} combinations, each with a template of its own; ${MOST_FLOW_TEMPLATES} are possible`,
        leaveOut(this),
      );
    }
    if (this.details.length <= MOST_DETAILS) return;
    const what = `these elements depend on ${this.details.length} facts that only some records have; ${MOST_DETAILS} are possible`;
    throw usage(what, `Leave some of them out: ${this.details.map(({ name }) => name).join(', ')}`);
  }

  #shapesThatMatter(): number {
    const keyAt = (bits: number): string => keyOf(this.#each(bits, () => true).map(field => field !== undefined));
    // a field depends on two bits at most, one of them the family, NAT or the direction
    const contexts = [0, shape.IPV6, shape.SOURCE_NAT, shape.PORTS, shape.REVERSED];
    const pairs = [...new Set(contexts.flatMap(one => contexts.map(other => one | other)))];
    let bits = KEPT;
    for (let bit = 1; bit <= EVERY_BIT; bit <<= 1)
      if (pairs.some(others => keyAt(others & ~bit) !== keyAt(others | bit))) bits |= bit;
    return bits;
  }
}

/** Elements that no registry has, and the list has given a number. */
function ownElements(names: readonly string[]): Map<string, DetailedField> {
  const own = new Map<string, DetailedField>();
  for (const name of names) {
    if (!name.includes('=')) continue;
    const [, what = name.split('=', 1)[0], enterprise, id] = OWN_ELEMENT.exec(name) ?? [];
    const known = Object.hasOwn(UNREGISTERED, what) ? UNREGISTERED[what] : undefined;
    if (!known) {
      const near = nearest(what, Object.keys(UNREGISTERED)) ?? Object.keys(UNREGISTERED).join(', ');
      const instead = isElementName(what) ? what : `${near}=PEN/ID`;
      throw usage(`'${name}': only what no registry has gets an element of your own`, `Write ${instead}`);
    }
    if (!(Number(enterprise) >= 1 && Number(enterprise) <= U32_MAX && Number(id) >= 1 && Number(id) <= MOST_ID))
      throw usage(
        `'${name}' has no element`,
        `Write ${what}=PEN/ID: an enterprise number, and an id from 1 to ${MOST_ID}`,
      );
    const element: Element = { enterprise: Number(enterprise), id: Number(id), name: what, type: known.type };
    const registered = elementById(element.enterprise, element.id);
    if (element.enterprise === REVERSE || (registered && registered.name !== what))
      throw usage(
        `'${name}': ${enterprise}/${id} is ${registered?.name ?? 'an element of RFC 5103'}`,
        'Give an element that your collector knows for it',
      );
    own.set(name, known.make(element));
  }
  return own;
}

function check(names: readonly string[], context: ListContext, own: ReadonlyMap<string, DetailedField>): void {
  const known = new Set([...fillable(context), ...own.keys()]);
  const numbers = names.map(name => {
    if (!known.has(name)) throw refusal(name, known, context);
    const need = needOf(name);
    if (need !== undefined && !context[need])
      throw usage(`'${name}' needs ${NEEDS[need]}`, `Add ${NEEDS[need]}, or remove it`);
    return numberOf(name);
  });
  const twice = names.find((_, i) => numbers.indexOf(numbers[i]) < i);
  if (twice !== undefined) throw usage(`'${twice}' is given twice`, 'Give it once');
  const everywhere = [...shapedFields(0, context).keys()].filter(name =>
    shapedFields(shape.IPV6 | shape.LONG, context).has(name),
  );
  if (names.some(name => everywhere.includes(name))) return;
  const hint = `Add one that every record has: ${everywhere.join(', ')}`;
  throw usage('these elements are in some records alone, and others would be empty', hint);
}

/** As it stands on the wire. */
function numberOf(name: string): string {
  const [, , enterprise, id] = OWN_ELEMENT.exec(name) ?? [];
  const element = id === undefined ? elementByName(name) : { enterprise: Number(enterprise), id: Number(id) };
  return `${element.enterprise}/${element.id}`;
}

/** Names of elements that some record can have. */
function fillable(context: ListContext): Set<string> {
  // a flow that is too long has no duration
  const bits = EVERY_BIT & ~(shape.REVERSED | shape.LONG);
  const shaped = [bits, bits & ~shape.IPV6].flatMap(each => [...shapedFields(each, context).keys()]);
  return new Set([...shaped, ...detailedFields(false).keys()]);
}

/** All that a list may ever have, in the order in which docs/records.md has them. */
export function listableElements(): string[] {
  const context = { observationDomain: 0, inventory: true, denied: true, tcpStates: true };
  const interfaces = { ingress: 1, egress: 1 };
  return [
    ...fillable({ ...context, biflow: 'reverse', interfaces }),
    ...Object.keys(UNREGISTERED).map(name => `${name}=PEN/ID`),
  ];
}

function refusal(name: string, known: ReadonlySet<string>, context: ListContext): CtflowError {
  if (Object.hasOwn(UNREGISTERED, name))
    return usage(
      `no registry has an element for '${name}'`,
      `Write ${name}=PEN/ID, with the element that your collector knows for it`,
    );
  const need = needOf(name);
  if (need === 'interfaces') return usage(`'${name}' needs ${NEEDS[need]}`, `Add ${NEEDS[need]}, or remove it`);
  const near = nearest(name, [...known, ...Object.keys(UNREGISTERED)]);
  const instead = near === undefined ? 'docs/records.md lists those that can be' : `Write ${near}`;
  if (!isElementName(name)) return usage(`'${name}' is not an information element`, instead);
  if (context.biflow !== 'reverse' && fillable({ ...context, biflow: 'reverse' }).has(name))
    return usage(`'${name}' cannot be filled with --biflow ${context.biflow}`, instead);
  const antrea = [EVERY_BIT, 0].some(bits => antreaFields(bits).some(({ element }) => element.name === name));
  return usage(`'${name}' cannot be filled`, antrea ? 'Profile antrea has it' : instead);
}

function usage(what: string, hint: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `--fields: ${what}`, hint);
}
