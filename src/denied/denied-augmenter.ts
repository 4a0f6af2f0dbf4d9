import type { Batch } from '../row/batch.js';
import { DENIED } from '../ipfix/shape.js';
import {
  EGRESS_POLICY_NAME,
  EGRESS_POLICY_NAMESPACE,
  EGRESS_RULE_ACTION,
  EGRESS_RULE_NAME,
  FORWARDING_STATUS,
  INGRESS_POLICY_NAME,
  INGRESS_POLICY_NAMESPACE,
  INGRESS_RULE_ACTION,
  INGRESS_RULE_NAME,
} from '../row/layout.generated.js';
import { NO_NAME } from '../record/name-table.js';
import type { RecordAugmenter } from '../record/record-augmenter.js';
import type { DeniedRules } from './denied-rules.js';

/** The rule that has denied a flow, or the packet of it that was denied last, put into its records. */
export class DeniedAugmenter implements RecordAugmenter {
  readonly #rules: DeniedRules;
  readonly #ruleOf: (slot: number) => number;

  /** @param ruleOf an id of the rules, 0 where no packet of the flow was denied */
  constructor(rules: DeniedRules, ruleOf: (slot: number) => number) {
    this.#rules = rules;
    this.#ruleOf = ruleOf;
  }

  shapeOf(slot: number): number {
    return this.#ruleOf(slot) === 0 ? 0 : DENIED;
  }

  write(slot: number, batch: Batch, at: number): void {
    const id = this.#ruleOf(slot);
    const rule = id === 0 ? undefined : this.#rules.get(id);
    const ingress = rule?.ingress ? rule : undefined;
    const egress = rule && !rule.ingress ? rule : undefined;
    const { bytes, u32 } = batch;
    bytes[at + FORWARDING_STATUS] = rule?.forwardingStatus ?? 0;
    bytes[at + INGRESS_RULE_ACTION] = ingress?.action ?? 0;
    bytes[at + EGRESS_RULE_ACTION] = egress?.action ?? 0;
    u32[(at + INGRESS_POLICY_NAME) >> 2] = ingress?.policyName ?? NO_NAME;
    u32[(at + INGRESS_POLICY_NAMESPACE) >> 2] = ingress?.policyNamespace ?? NO_NAME;
    u32[(at + INGRESS_RULE_NAME) >> 2] = ingress?.rule ?? NO_NAME;
    u32[(at + EGRESS_POLICY_NAME) >> 2] = egress?.policyName ?? NO_NAME;
    u32[(at + EGRESS_POLICY_NAMESPACE) >> 2] = egress?.policyNamespace ?? NO_NAME;
    u32[(at + EGRESS_RULE_NAME) >> 2] = egress?.rule ?? NO_NAME;
  }
}
