import { CtflowError } from '../../common/errors.js';
import { FIRST_DETAIL, MOST_DETAILS, type Detail } from '../details.js';
import { MOST_FLOW_TEMPLATES } from '../options.js';
import * as shape from '../shape.js';
import type { Field } from '../template.js';
import { detailedFields, shapedFields, type ListContext, type Way } from './elements.js';
import { EVERY_BIT, listMistakes, ownElements, type ListMistake } from './list-mistakes.js';
import { countTemplates, keyOf, leaveOut, templateKeys } from './list-templates.js';
import type { DetailedField } from './own-elements.js';

/** They say more than which fields there are: the family, and which directions have a record. */
const KEPT = shape.IPV6 | shape.COUNTERS | shape.REPLY_COUNTERS | shape.REVERSED;
const PREFIX = '--fields: ';

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
    const [mistake] = listMistakes(names, context);
    if (mistake) throw usage(mistake.what, mistake.hint);
    const fieldsOf = (reversed: boolean): Map<string, DetailedField> =>
      new Map([...detailedFields(reversed), ...ownElements(names, reversed)]);
    this.#detailed = [fieldsOf(false), fieldsOf(true)];
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
    // a field depends on two bits at most, one of them the family, NAT, the service or the direction
    const contexts = [0, shape.IPV6, shape.SOURCE_NAT, shape.PORTS, shape.SERVICE, shape.REVERSED];
    const pairs = [...new Set(contexts.flatMap(one => contexts.map(other => one | other)))];
    let bits = KEPT;
    for (let bit = 1; bit <= EVERY_BIT; bit <<= 1)
      if (pairs.some(others => keyAt(others & ~bit) !== keyAt(others | bit))) bits |= bit;
    return bits;
  }
}

/** All that is wrong with a list: each of its elements by itself, or else all of them together. */
export function mistakesOf(names: readonly string[], context: ListContext): ListMistake[] {
  const found = listMistakes(names, context);
  if (found.length > 0) return found;
  try {
    void new FieldList(names, context);
    return [];
  } catch (error) {
    const { message, hint = '' } = error as CtflowError;
    return [{ what: message.slice(PREFIX.length), hint }];
  }
}

function usage(what: string, hint: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `${PREFIX}${what}`, hint);
}
