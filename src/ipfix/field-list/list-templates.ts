import { MOST_FLOW_TEMPLATES } from '../options.js';
import * as shape from '../shape.js';
import { dependentWays, independentFacts, type ListContext, type Way } from './elements.js';

/** A list of elements, and which of them a record has. */
export interface Elements {
  readonly names: readonly string[];
  readonly context: ListContext;
  presence(ways: readonly Way[]): boolean[];
}

/** Elements that are there or not as a group, whatever else a record has: each way in which they can be. */
interface Group {
  /** Places in the list. */
  readonly places: readonly number[];
  readonly patterns: readonly boolean[][];
  /** How many of the patterns one exporter sees. */
  readonly possible: number;
}

/** Of the elements, which are there, as one text. */
export function keyOf(presence: readonly boolean[]): string {
  return presence.map(Number).join('');
}

/** Templates that the records of one exporter can have at most. */
export function countTemplates(list: Elements): number {
  const { groups, others } = divided(list);
  return groups.reduce((product, { possible }) => product * possible, others.length);
}

/** The templates that records can have, as keys, in an order that follows from the list. */
export function templateKeys(list: Elements): string[] {
  const { groups, others } = divided(list);
  let all = others;
  for (const { places, patterns } of groups) {
    all = all.flatMap(before =>
      patterns.map(pattern =>
        before.map((is, place) => (places.includes(place) ? pattern[places.indexOf(place)] : is)),
      ),
    );
  }
  return all.map(keyOf);
}

/** What to leave out of a list that can lead to too many templates. */
export function leaveOut(list: Elements): string {
  const left: string[] = [];
  for (let count = countTemplates(list); count > MOST_FLOW_TEMPLATES;) {
    const candidates = candidatesOf(without(list, left)).map(some => ({
      some,
      count: countTemplates(without(list, [...left, ...some])),
    }));
    const isBetter = (one: number, other: number): boolean =>
      one <= MOST_FLOW_TEMPLATES && other <= MOST_FLOW_TEMPLATES ? one > other : one < other;
    const best = candidates.reduceRight((a, b) => (isBetter(b.count, a.count) ? b : a), {
      some: [] as string[],
      count,
    });
    if (best.some.length === 0) break;
    left.push(...best.some);
    count = best.count;
    if (count <= MOST_FLOW_TEMPLATES) return `Leave out ${left.join(', ')}: then there are ${count}`;
  }
  return 'Leave out elements that only some connections have';
}

/** Elements that make records differ and say little about which flow it is. */
function candidatesOf(list: Elements): string[][] {
  const { groups } = divided(list);
  const some = groups.map(({ places }) => places.map(place => list.names[place]));
  for (const form of [
    /^postN|^natType$/,
    /^icmp/,
    /^(tcp|udp)(Source|Destination)Port$/,
    /^tcpState/,
    /^destination(Service|Cluster)/,
    /^tcpStatePrevList$/,
  ])
    some.push(list.names.filter(name => form.test(name)));
  return some.filter(names => names.length > 0);
}

function without(list: Elements, left: readonly string[]): Elements {
  const kept = list.names.map(name => !left.includes(name));
  return {
    names: list.names.filter((_, i) => kept[i]),
    context: list.context,
    presence: ways => list.presence(ways).filter((_, i) => kept[i]),
  };
}

/** Groups that depend on nothing else, and the patterns of all other elements: in these the elements of groups are absent. */
function divided(list: Elements): { groups: Group[]; others: boolean[][] } {
  const groups: Group[] = [];
  const dependent = dependentWays(list.context);
  const most = dependent.map(ways => ways.findLast(({ bits }) => (bits & shape.REVERSED) === 0)!);
  for (const { ways, possible } of independentFacts(list.context)) {
    const found = ways.map(way => list.presence([...most, way]));
    const places = list.names
      .map((_, place) => place)
      .filter(place => found.some(one => one[place] !== found[0][place]));
    if (places.length === 0) continue;
    const patterns = distinct(found.map(one => places.map(place => one[place])));
    groups.push({ places, patterns, possible: Math.min(possible, patterns.length) });
  }
  const inGroups = new Set(groups.flatMap(({ places }) => places));
  const combinations = dependent
    .reduce<Way[][]>((all, ways) => all.flatMap(some => ways.map(way => [...some, way])), [[]])
    .filter(some => !isEmptyReply(some.reduce((bits, way) => bits | way.bits, 0)));
  const others = combinations.map(some => list.presence(some).map((is, place) => is && !inGroups.has(place)));
  return { groups, others: distinct(others) };
}

/** A reply direction has a record of its own where it counts. */
function isEmptyReply(bits: number): boolean {
  return (bits & shape.REVERSED) !== 0 && (bits & shape.REPLY_COUNTERS) === 0;
}

function distinct(patterns: readonly boolean[][]): boolean[][] {
  return [...new Map(patterns.map(pattern => [keyOf(pattern), pattern])).values()];
}
