import { RULE_WORDS, type FlowExtras } from '../encoder/columns.js';
import type { NameHolder, NameTable } from '../record/name-table.js';
import { HAS_MARK, MARK_WORD, PRESENT_WORD, ROW_WORDS } from '../row/layout.generated.js';
import type { FlowStore, StoreListener } from '../store/flow-store.js';
import { LABEL_WORDS } from '../store/stored-connections.js';
import { factsOf, MOST_IDS } from './denied-rules.js';
import type { LabelPolicy, Policy, PolicyOptions } from './policy.js';

/** Connections, and their labels where somebody asks for these. */
export interface LabelledStore extends FlowStore {
  keepLabels(): Uint32Array;
}

/** Where denied packets have their rules. */
type Rules = Required<Pick<FlowExtras, 'rules' | 'ruleFacts'>>;

/**
 * Which policy a connection has passed, by its labels or its mark: firewalls leave them there. Looked up when it is stored, and
 * again when its counters or its state change. A rule that has denied one of its packets stays before it.
 */
export class ConnectionPolicies implements StoreListener, NameHolder {
  /** What records have of it. */
  readonly extras: FlowExtras;
  readonly #rows: Uint32Array;
  readonly #rules: Rules;
  /** The id of the first. */
  readonly #first: number;
  readonly #labels: Uint32Array | undefined;
  /** Of each LABEL_WORDS words of value, then of mask. */
  readonly #labelWords: Uint32Array;
  readonly #labelled: number;
  /** Of each a value and a mask. */
  readonly #marks: Uint32Array;
  readonly #end: number;

  /** @param denied the rules of denied packets, where they are received, with room behind them */
  constructor(store: LabelledStore, options: PolicyOptions, names: NameTable, denied?: Rules) {
    const { labels = [], marks = [] } = options;
    this.#rows = store.table.rows;
    this.#first = denied ? MOST_IDS : 1;
    this.#end = this.#first + labels.length + marks.length;
    this.#rules = denied ?? {
      rules: new Uint16Array(store.table.capacity),
      ruleFacts: new Uint32Array(this.#end * RULE_WORDS),
    };
    this.extras = { ...this.#rules, policies: true };
    this.#labels = labels.length > 0 ? store.keepLabels() : undefined;
    this.#labelled = labels.length;
    this.#labelWords = Uint32Array.from(labels.flatMap(wordsOf));
    this.#marks = Uint32Array.from(marks.flatMap(({ mark }) => [mark.value, mark.mask]));
    for (const [i, policy] of [...labels, ...marks].entries()) this.#write(this.#first + i, policy, names);
    names.hold(this);
    store.subscribe(this);
  }

  added(slot: number): void {
    this.#rules.rules[slot] = 0;
    this.#look(slot);
  }

  changed(slot: number): void {
    this.#look(slot);
  }

  eachName(keep: (number: number) => void): void {
    const { ruleFacts } = this.#rules;
    for (let id = this.#first; id < this.#end; id++)
      for (let word = 1; word < RULE_WORDS; word++) keep(ruleFacts[id * RULE_WORDS + word]);
  }

  #write(id: number, { action, direction, name, namespace, rule }: Policy, names: NameTable): void {
    const numbers = [name, namespace, rule].map(text => names.intern(text));
    this.#rules.ruleFacts.set([factsOf(action, direction === 'ingress'), ...numbers], id * RULE_WORDS);
  }

  #look(slot: number): void {
    const { rules } = this.#rules;
    if (rules[slot] !== 0 && rules[slot] < this.#first) return;
    rules[slot] = this.#byLabels(slot) || this.#byMark(slot);
  }

  #byLabels(slot: number): number {
    const labels = this.#labels;
    if (!labels) return 0;
    const words = this.#labelWords;
    const at = slot * LABEL_WORDS;
    for (let policy = 0; policy < this.#labelled; policy++) {
      const from = policy * LABEL_WORDS * 2;
      let word = 0;
      while (word < LABEL_WORDS && ((labels[at + word] & words[from + LABEL_WORDS + word]) ^ words[from + word]) === 0)
        word++;
      if (word === LABEL_WORDS) return this.#first + policy;
    }
    return 0;
  }

  /** An absent mark is 0, as the kernel leaves it out then. */
  #byMark(slot: number): number {
    const marks = this.#marks;
    const row = slot * ROW_WORDS;
    const mark = this.#rows[row + PRESENT_WORD] & HAS_MARK ? this.#rows[row + MARK_WORD] : 0;
    for (let at = 0; at < marks.length; at += 2)
      if (((mark & marks[at + 1]) ^ marks[at]) === 0) return this.#first + this.#labelled + at / 2;
    return 0;
  }
}

/** As they stand in a row. */
function wordsOf({ value, mask }: LabelPolicy): number[] {
  return [value, mask].flatMap(bytes => [...new Uint32Array(Uint8Array.from(bytes).buffer)]);
}
