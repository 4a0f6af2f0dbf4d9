import { Batch } from '../../src/row/batch.js';
import { ConnectionStore } from '../../src/store/connection-store.js';
import { DeniedRules } from '../../src/denied/denied-rules.js';
import { DenyStore } from '../../src/denied/deny-store.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import type { Flows } from '../../src/record/flows.js';
import { ROW_SIZE, ROW_WORDS, RULE_WORD, STATE } from '../../src/row/layout.generated.js';
import { NameTable } from '../../src/record/name-table.js';
import type { MeasuredFamily } from '../results/results.js';
import { Connections } from './connections.js';
import { now } from './now.js';

/** The hook in which packets for this host are denied (enum nf_inet_hooks). */
const NF_INET_LOCAL_IN = 1;
/** Rules that deny. */
const RULES = 8;
const PACKETS = 3;
const OCTETS = 180;

/** Denied flows in their store, with the rules that deny them. */
export class DeniedFlows {
  readonly names = new NameTable();
  readonly store: DenyStore;
  readonly #rules = new DeniedRules(this.names, number => ({
    group: 5,
    prefix: `ctflow:drop:in:default/policy-${number}:rule-${number}`,
  }));
  readonly #rows: Batch;
  readonly #idle: number;

  /** @param idle flows that are idle in each round */
  constructor(family: MeasuredFamily, flows: number, idle: number) {
    const numbers = Array.from({ length: flows }, (_, i) => i);
    [this.#rows] = new Connections(family).batches(numbers, 0, flows);
    for (let i = 0; i < flows; i++) {
      this.#rows.u32[i * ROW_WORDS + RULE_WORD] = 1 + (i % RULES);
      this.#rows.bytes[i * ROW_SIZE + STATE] = NF_INET_LOCAL_IN;
    }
    this.store = new DenyStore(flows);
    this.#idle = idle;
  }

  /** For a destination: no connections, and these. */
  flows(): Flows[] {
    const connections = new ConnectionStore({ maxConnections: 1, firstSight: 'total', born: now() });
    return [
      { store: connections, extras: {} },
      { store: this.store, extras: { rules: this.store.ruleOf, ruleFacts: this.#rules.facts } },
    ];
  }

  /** Every flow has packets denied; those of the idle ones were longer ago than the idle timeout, and end. */
  round(): void {
    const { wall, monotonic } = now();
    const { idleFlowExportTimeout } = DESTINATION_DEFAULTS;
    for (let i = 0; i < this.#rows.count; i++) {
      if (i === this.#idle) this.store.endIdle(idleFlowExportTimeout, monotonic);
      const slot = this.store.slotOf(this.#rows.u32, i * ROW_WORDS, monotonic);
      this.store.ruleOf[slot] = this.#rules.idOf(1 + (i % RULES), NF_INET_LOCAL_IN);
      const at = i < this.#idle ? monotonic - idleFlowExportTimeout : monotonic;
      this.store.count(slot, PACKETS, OCTETS, wall, wall, at);
    }
  }
}
