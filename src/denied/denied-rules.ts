import { RULE_INGRESS, RULE_WORDS } from '../encoder/columns.js';
import type { NameHolder, NameTable } from '../record/name-table.js';
import type { LogPrefix, LogRule } from '../../native/binding.js';
import { ALLOW, deniedBy, REJECT } from './log-prefix.js';

/** Forwarding Status registry of IANA: dropped by ACL deny, which answers the sender, or by ACL drop, which does not. */
const ACL_DENY = 0x81;
const ACL_DROP = 0x82;

/** Netfilter hooks behind which a packet leaves this host (enum nf_inet_hooks): output and postrouting. */
const FIRST_EGRESS_HOOK = 3;
const HOOKS = 8;
/** Ids end here, as a reader has 4,096 prefixes at most. */
export const MOST_IDS = (4_096 + 1) * HOOKS;

/** The first word of a rule: see FlowExtras. One that allows has no forwardingStatus. */
export function factsOf(action: number, ingress: boolean): number {
  const status = action === ALLOW ? 0 : action === REJECT ? ACL_DENY : ACL_DROP;
  return status | (action << 8) | (ingress ? RULE_INGRESS : 0);
}

/** The rules by the number of their log prefix and the hook in which they stand. */
export class DeniedRules implements NameHolder {
  readonly #names: NameTable;
  readonly #prefixOf: (number: number) => LogPrefix;
  readonly #ruleOf: (group: number, prefix: string) => LogRule | undefined;
  /** RULE_WORDS words a rule by its id: see FlowExtras. The first is zero where the rule has not been seen. */
  readonly facts: Uint32Array;
  readonly #seen = new Set<number>();

  /**
   * @param prefixOf the log prefix of a number; @param ruleOf what is known of the rules that log so
   * @param others ids behind its own, of rules of somebody else
   */
  constructor(
    names: NameTable,
    prefixOf: (number: number) => LogPrefix,
    ruleOf: (group: number, prefix: string) => LogRule | undefined = () => undefined,
    others = 0,
  ) {
    this.facts = new Uint32Array((MOST_IDS + others) * RULE_WORDS);
    this.#names = names;
    this.#prefixOf = prefixOf;
    this.#ruleOf = ruleOf;
    names.hold(this);
  }

  /** One number for both, never 0, of which {@link facts} has the rule. */
  idOf(prefix: number, hook: number): number {
    const id = prefix * HOOKS + Math.min(hook, HOOKS - 2) + 1;
    if (this.facts[id * RULE_WORDS] === 0) this.#read(id);
    return id;
  }

  /** Rules have changed. One that logs no more keeps what was known of it: its packets are still on their way. */
  readAgain(): void {
    for (const id of this.#seen) {
      const { group, prefix } = this.#prefixOf(Math.floor((id - 1) / HOOKS));
      if (this.#ruleOf(group, prefix)) this.#read(id);
    }
  }

  /**
   * The numbers of the prefixes of the rules in use. Of all others the numbers may be another prefix's from now on.
   * @param eachRule calls back with the id of each rule in use, again and again or not
   */
  keep(eachRule: (keep: (id: number) => void) => void): Uint32Array {
    const used = new Set<number>();
    eachRule(id => id < MOST_IDS && used.add(Math.floor((id - 1) / HOOKS)));
    for (const id of this.#seen) {
      if (used.has(Math.floor((id - 1) / HOOKS))) continue;
      this.#seen.delete(id);
      this.facts[id * RULE_WORDS] = 0;
    }
    return Uint32Array.from(used);
  }

  eachName(keep: (number: number) => void): void {
    for (const id of this.#seen) for (let word = 1; word < RULE_WORDS; word++) keep(this.facts[id * RULE_WORDS + word]);
  }

  #read(id: number): void {
    const hook = (id - 1) % HOOKS;
    const { group, prefix } = this.#prefixOf((id - 1 - hook) / HOOKS);
    const denied = deniedBy(prefix, this.#ruleOf(group, prefix));
    // where the prefix has no direction: what comes in or passes through is denied to its destination
    const ingress = denied.direction ? denied.direction === 'ingress' : hook < FIRST_EGRESS_HOOK;
    const names = [denied.policyName, denied.policyNamespace, denied.rule].map(name => this.#names.intern(name));
    this.facts.set([factsOf(denied.action, ingress), ...names], id * RULE_WORDS);
    this.#seen.add(id);
  }
}
