import { CtflowError } from '../common/errors.js';
import { ANTREA, IANA, NETFILTER, REVERSE, type Element, type ElementType } from './element.js';
import { ANTREA_ELEMENTS, NETFILTER_ELEMENTS } from './enterprise-elements.js';
import { IANA_ELEMENTS, IANA_WIDE_IDENTIFIERS } from './registry.generated.js';

const byId = new Map<number, Map<number, Element>>();
const byName = new Map<string, Element>();

/** `reverse` and the capitalised name, RFC 5103 section 6.1. */
const reverseName = (name: string): string => `reverse${name[0].toUpperCase()}${name.slice(1)}`;

function register(
  enterprise: number,
  elements: readonly (readonly [number, string, ElementType])[],
  rename?: (name: string) => string,
): void {
  const ids = new Map<number, Element>();
  byId.set(enterprise, ids);
  for (const [id, name, type] of elements) {
    const wide = elements === IANA_ELEMENTS && IANA_WIDE_IDENTIFIERS.has(id);
    const element: Element = {
      id,
      enterprise,
      name: rename?.(name) ?? name,
      type,
      ...(wide && { wideIdentifier: true }),
    };
    ids.set(id, element);
    byName.set(element.name, element);
  }
}

register(IANA, IANA_ELEMENTS);
// RFC 5103 excludes identifiers and the like from being reversed. An exporter that does it anyway is still understood.
register(REVERSE, IANA_ELEMENTS, reverseName);
register(ANTREA, ANTREA_ELEMENTS);
register(NETFILTER, NETFILTER_ELEMENTS);

/**
 * The element of an enterprise (0 for IANA) by its id (15 bits), undefined where it is not registered. The same id gives
 * the same object.
 */
export function elementById(enterprise: number, id: number): Element | undefined {
  return byId.get(enterprise)?.get(id);
}

/** Gives an element that no registry has a name and a type, for what is received. The last name counts. */
export function nameElement(element: Element): void {
  const known = byId.get(element.enterprise);
  if (known) known.set(element.id, element);
  else byId.set(element.enterprise, new Map([[element.id, element]]));
}

/**
 * The element of a name, spelled as in its registry: `octetDeltaCount`, `reverseOctetDeltaCount`, `tcpState`, `mark`.
 * Names are unique over all the enterprises that ctflow knows.
 * @throws CtflowError CTFLOW_USAGE
 */
export function elementByName(name: string): Element {
  const element = byName.get(name);
  if (element === undefined) {
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${name}' is not an information element that ctflow knows`,
      "Spell it as IANA's registry of IPFIX information elements does",
    );
  }
  return element;
}

const names = [...byName.keys()];

/** The names of all elements that ctflow knows. */
export function elementNames(): readonly string[] {
  return names;
}

/** Whether {@link elementByName} knows it. */
export function isElementName(name: string): boolean {
  return byName.has(name);
}
