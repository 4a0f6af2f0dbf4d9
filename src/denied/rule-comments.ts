import type { LogRule, LogRules } from '../../native/binding.js';
import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';

/** Share of the time in which rules are read, at most: large rulesets that change all the time take long. */
const SHARE = 1 / 20;
/** Prefixes that a line of the log names. */
const MOST_SAID = 5;

/** What rules of nft say of the packets that they log, by group and prefix. */
export interface CommentCounts {
  /** Those that have a comment. */
  readonly named: number;
  /** Those that rules with different comments share: they have none. */
  readonly shared: number;
  /** Rules beyond 4,096 of them. */
  readonly leftOut: number;
}

/** The comments of the rules of nft that log to NFLOG groups, as the kernel has them now. */
export class RuleComments {
  readonly #read: () => Promise<LogRules | null>;
  readonly #log: Logger;
  readonly #monotonic: () => number;
  #rules: ReadonlyMap<string, LogRule> = new Map();
  counts: CommentCounts = { named: 0, shared: 0, leftOut: 0 };
  #notBefore = 0;
  /** What the log has said last. */
  #said = '';

  /** @param read resolves to null where no rule has changed since the last call */
  constructor(read: () => Promise<LogRules | null>, log: Logger, monotonic: () => number = () => performance.now()) {
    this.#read = read;
    this.#log = log;
    this.#monotonic = monotonic;
  }

  /** Looks whether rules have changed, unless that took much of the time lately. @returns whether they have; never rejects */
  async look(): Promise<boolean> {
    const began = this.#monotonic();
    if (began < this.#notBefore) return false;
    try {
      const found = await this.#read();
      if (found) this.#take(found);
      return found !== null;
    } catch (error) {
      this.#say(`${describeError(error)}; going on with the comments that are known`);
      return false;
    } finally {
      const ended = this.#monotonic();
      this.#notBefore = ended + (ended - began) * (1 / SHARE - 1);
    }
  }

  /** Undefined where no rule logs so. */
  of(group: number, prefix: string): LogRule | undefined {
    return this.#rules.get(keyOf(group, prefix));
  }

  #take({ rules, leftOut }: LogRules): void {
    this.#rules = new Map(
      rules.map(rule => [
        keyOf(rule.group, rule.prefix),
        { ...rule, comment: rule.comment.replaceAll(/\p{Cc}+/gu, ' ').trim() },
      ]),
    );
    const shared = rules.filter(rule => rule.shared);
    this.counts = { named: rules.filter(({ comment }) => comment !== '').length, shared: shared.length, leftOut };
    if (shared.length === 0) return;
    const named = shared.slice(0, MOST_SAID).map(({ group, prefix }) => `${JSON.stringify(prefix)} (group ${group})`);
    const more = shared.length > MOST_SAID ? ` and ${shared.length - MOST_SAID} more` : '';
    this.#say(
      `rules of nft with different comments have the same log prefix, so none names their packets: ${named.join(', ')}${more}`,
      'Give each of these rules a log prefix of its own',
    );
  }

  #say(text: string, hint?: string): void {
    if (text !== this.#said) this.#log.warn(hint === undefined ? {} : { hint }, text);
    this.#said = text;
  }
}

function keyOf(group: number, prefix: string): string {
  return `${group} ${prefix}`;
}
