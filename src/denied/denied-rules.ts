import type { NameHolder, NameTable } from '../record/name-table.js';
import { parseLogPrefix, REJECT } from './log-prefix.js';

/** A rule that denies packets, as records have it. */
export interface DeniedRule {
  /** forwardingStatus (IE 89). */
  readonly forwardingStatus: number;
  readonly ingress: boolean;
  /** Of Antrea: 2 drop, 3 reject. */
  readonly action: number;
  /** Numbers in the name table. */
  readonly policyName: number;
  readonly policyNamespace: number;
  readonly rule: number;
}

/** Forwarding Status registry of IANA: dropped by ACL deny, which answers the sender, or by ACL drop, which does not. */
const ACL_DENY = 0x81;
const ACL_DROP = 0x82;

/** Netfilter hooks behind which a packet leaves this host (enum nf_inet_hooks): output and postrouting. */
const FIRST_EGRESS_HOOK = 3;
const HOOKS = 8;

/** The rules by the number of their log prefix and the hook in which they stand. */
export class DeniedRules implements NameHolder {
  readonly #names: NameTable;
  readonly #prefixOf: (number: number) => string;
  readonly #rules: DeniedRule[] = [];

  /** @param prefixOf the log prefix of a number */
  constructor(names: NameTable, prefixOf: (number: number) => string) {
    this.#names = names;
    this.#prefixOf = prefixOf;
    names.hold(this);
  }

  /** One number for both; never 0. Below 2^16, as a reader has 4,096 prefixes at most. */
  idOf(prefix: number, hook: number): number {
    return prefix * HOOKS + Math.min(hook, HOOKS - 2) + 1;
  }

  get(id: number): DeniedRule {
    return (this.#rules[id] ??= this.#read(id));
  }

  /**
   * The numbers of the prefixes of the rules in use. Of all others the numbers may be another prefix's from now on.
   * @param eachRule calls back with the id of each rule in use, again and again or not
   */
  keep(eachRule: (keep: (id: number) => void) => void): Uint32Array {
    const used = new Set<number>();
    eachRule(id => used.add(Math.floor((id - 1) / HOOKS)));
    this.#rules.forEach((_, id) => {
      if (!used.has(Math.floor((id - 1) / HOOKS))) delete this.#rules[id];
    });
    return Uint32Array.from(used);
  }

  eachName(keep: (number: number) => void): void {
    this.#rules.forEach(({ policyName, policyNamespace, rule }) => [policyName, policyNamespace, rule].forEach(keep));
  }

  #read(id: number): DeniedRule {
    const hook = (id - 1) % HOOKS;
    const denied = parseLogPrefix(this.#prefixOf((id - 1 - hook) / HOOKS));
    return {
      forwardingStatus: denied.action === REJECT ? ACL_DENY : ACL_DROP,
      // where the prefix has no direction: what comes in or passes through is denied to its destination
      ingress: denied.direction ? denied.direction === 'ingress' : hook < FIRST_EGRESS_HOOK,
      action: denied.action,
      policyName: this.#names.intern(denied.policyName),
      policyNamespace: this.#names.intern(denied.policyNamespace),
      rule: this.#names.intern(denied.rule),
    };
  }
}
