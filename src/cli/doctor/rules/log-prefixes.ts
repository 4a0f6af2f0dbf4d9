import { namesPolicy } from '../../../denied/log-prefix.js';
import { type Finding, warning } from '../finding.js';
import type { Host } from '../host.js';
import type { LogRule } from './rules.js';

/** Prefixes named at most; the rest is counted. */
const MOST_NAMED = 20;
/** Characters of a prefix (NF_LOG_PREFIXLEN in include/uapi/linux/netfilter/nf_log.h, with its end). */
const LONGEST_PREFIX = 127;
/** Rules that one command changes at most. */
const MOST_CHANGED = 8;

/**
 * Rules that log to one group with one prefix, and are not one rule by their comments or by what they do: records of what they deny
 * cannot say which it was. A prefix that names the policy itself is meant.
 */
export async function checkLogPrefixes(
  all: readonly LogRule[],
  host: Host,
  groups: readonly number[],
): Promise<Finding[]> {
  const alike = groupBy(
    all.filter(({ group, prefix }) => groups.includes(group) && !namesPolicy(prefix)),
    ({ group, prefix }) => `${group} ${prefix}`,
  );
  const shared = alike.map(some => groupBy(some, kindOf)).filter(kinds => kinds.length > 1);
  if (shared.length === 0) return [];
  const texts = textsOf((await host.run('nft', ['-a', '-s', '-t', 'list', 'ruleset'])).output ?? '');
  const taken = new Set(all.map(({ prefix }) => prefix));
  const found = shared.slice(0, MOST_NAMED).map(kinds => {
    const rules = kinds.flat();
    const [{ group, prefix, comment, where }] = rules;
    const common = prefix === '' ? 'without a log prefix' : `with the log prefix ${JSON.stringify(prefix)}`;
    const differ = rules.some(rule => rule.comment !== comment)
      ? 'have different comments, so none names what they deny'
      : 'do not all reject, so what they deny counts as dropped';
    const command = mendOf(kinds, texts, taken) ?? `nft -a list chain ${where}`;
    return warning(
      `${rules.length} rules log to group ${group} ${common} and ${differ}: give each a log prefix of its own`,
      host.line(command),
      String(group),
    );
  });
  if (shared.length > MOST_NAMED) {
    const more = `${shared.length - MOST_NAMED} more log prefixes are those of different rules`;
    found.push(warning(more, host.line('nft -a list ruleset')));
  }
  return found;
}

/** Rules of one kind are one rule to those who read of it. */
function kindOf({ comment, rejects }: LogRule): string {
  return `${rejects} ${comment}`;
}

/** All kinds but the first get another prefix. @returns undefined where the text of a rule is not known, or there are too many */
function mendOf(
  [, ...kinds]: readonly (readonly LogRule[])[],
  texts: ReadonlyMap<string, string>,
  taken: Set<string>,
): string | undefined {
  const changes: (string | undefined)[] = [];
  for (const kind of kinds) {
    const prefix = freePrefix(kind[0].prefix, taken);
    for (const rule of kind) changes.push(withPrefix(rule, texts.get(`${rule.where} handle ${rule.handle}`), prefix));
  }
  if (changes.length > MOST_CHANGED || changes.includes(undefined)) return undefined;
  return `nft '${changes.join('; ').replaceAll("'", String.raw`'\''`)}'`;
}

/** `games-2` */
function freePrefix(prefix: string, taken: Set<string>): string {
  for (let number = 2; ; number++) {
    const ending = `-${number}`;
    const free = `${(prefix.trim() || 'rule').slice(0, LONGEST_PREFIX - ending.length)}${ending}`;
    if (taken.has(free)) continue;
    taken.add(free);
    return free;
  }
}

/** The command that gives a rule another prefix, and leaves it in its place. */
function withPrefix(
  { where, handle, group, prefix }: LogRule,
  text: string | undefined,
  other: string,
): string | undefined {
  const old = prefix === '' ? `log group ${group}` : `log prefix "${prefix}" group ${group}`;
  if (text?.includes(old) !== true) return undefined;
  return `replace rule ${where} handle ${handle} ${text.replace(old, () => `log prefix "${other}" group ${group}`)}`;
}

/** The rules of a listing by their places; those that have more than one line are left out. */
function textsOf(listing: string): Map<string, string> {
  const texts = new Map<string, string>();
  let [table, chain] = ['', ''];
  for (const line of listing.split('\n').map(line => line.trim())) {
    const [, kind, name] = /^(table|chain) (.+?) \{(?: # handle \d+)?$/.exec(line) ?? [];
    if (kind === 'table') table = name;
    else if (kind === 'chain') chain = name;
    else {
      const [, text, handle] = /^(.+) # handle (\d+)$/.exec(line) ?? [];
      if (text !== undefined && isWhole(text)) texts.set(`${table} ${chain} handle ${handle}`, text);
    }
  }
  return texts;
}

function isWhole(text: string): boolean {
  return text.split('{').length === text.split('}').length;
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return [...groups.values()];
}
