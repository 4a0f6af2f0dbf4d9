import { ok, warning, type Finding } from '../finding.js';
import type { Rules } from './rules.js';

/** Rules named at most; the rest is counted. */
const MOST_NAMED = 20;

/** Connections in a flowtable pass conntrack by: without `counter` their packets are in no record (nf_flow_table). */
export function checkFlowtables({ flowtables, unseen, toSee }: Rules): Finding[] {
  if (flowtables.length === 0) return [unseen.length > 0 ? notSeen('flowtables', unseen, toSee) : ok('there are none')];
  return flowtables.map(({ name, counts, mend }) =>
    counts
      ? ok(`flowtable ${name} counts`, name)
      : warning(
          `flowtable ${name} has no counter: packets that it forwards are in no record, and offloaded connections are never idle`,
          mend,
          name,
        ),
  );
}

export function checkNotrack({ notrack, unseen, toSee }: Rules): Finding[] {
  const found = notrack
    .slice(0, MOST_NAMED)
    .map(({ rule, remove }) => warning(`a rule hides its traffic from conntrack (notrack): ${rule}`, remove, rule));
  if (notrack.length > MOST_NAMED)
    found.push(warning(`${notrack.length - MOST_NAMED} more rules hide traffic (notrack)`, 'nft list ruleset'));
  if (unseen.length > 0) found.push(notSeen('rules with notrack', unseen, toSee));
  return found.length > 0 ? found : [ok('no rule hides traffic (notrack)')];
}

export function notSeen(what: string, unseen: readonly string[], toSee: string | undefined): Finding {
  return warning(`${what}: not all could be seen (${unseen.join('; ')})`, toSee);
}
