import { type AddressKey, keyOfText } from './addresses.js';
import type { Gone, PodFacts } from './facts.js';

/** Milliseconds for which a pod that is gone is remembered: flows of its time may still come. */
const REMEMBERED_MS = 300_000;
/** Pods that are gone; the longest gone are forgotten first. */
const MOST_REMEMBERED = 50_000;
/** Times of the API are cut to whole seconds. */
const SECOND = 1_000;

/** A pod, for as long as it had the same addresses. */
export interface Owner {
  readonly number: number;
  facts: PodFacts;
  readonly keys: readonly AddressKey[];
  /** It has the addresses at or after, and before; milliseconds since 1970. */
  readonly since: number;
  until: number;
}

/** Which pod had an address when: intervals of ownership. */
export class PodTable {
  /** By address those who had it, in the order in which they were learned. */
  readonly #owners = new Map<AddressKey, Owner[]>();
  /** By uid the one of now. */
  readonly #current = new Map<string, Owner>();
  readonly #byNumber = new Map<number, Owner>();
  /** Those of no more, in the order in which they went. */
  readonly #gone = new Map<Owner, number>();
  #last = 0;
  /** The earliest end of an interval that was learned since {@link takeEnds}. */
  #endedFrom = Number.POSITIVE_INFINITY;
  /** Labels of those of now that found no room. */
  #labelsLeftOut = 0;
  /** Those that have another workload or other labels since {@link takeChanged}. */
  #changed = new Set<number>();

  get size(): number {
    return this.#current.size;
  }

  get labelsLeftOut(): number {
    return this.#labelsLeftOut;
  }

  /** @returns undefined where it is forgotten */
  get(number: number): Owner | undefined {
    return this.#byNumber.get(number);
  }

  byUid(uid: string): Owner | undefined {
    return this.#current.get(uid);
  }

  /** Who has had the address. */
  at(address: AddressKey): readonly Owner[] | undefined {
    return this.#owners.get(address);
  }

  set(facts: PodFacts, now: number): void {
    const before = this.#current.get(facts.uid);
    if (before && String(before.facts.addresses) === String(facts.addresses)) {
      const { workload, labels, labelsLeftOut } = before.facts;
      if (workload !== facts.workload || labels !== facts.labels) this.#changed.add(before.number);
      this.#labelsLeftOut += facts.labelsLeftOut - labelsLeftOut;
      before.facts = facts;
      this.#end(before, facts.until);
      return;
    }
    // other addresses than before it has had from now on, as far as anybody can tell
    if (before) this.#leave(before, now, now);
    const keys = facts.addresses.flatMap(text => keyOfText(text) ?? []);
    const since = before ? now : facts.since;
    const owner: Owner = { number: ++this.#last, facts, keys, since, until: Number.POSITIVE_INFINITY };
    this.#current.set(facts.uid, owner);
    this.#labelsLeftOut += facts.labelsLeftOut;
    this.#byNumber.set(owner.number, owner);
    for (const key of keys) {
      const others = this.#owners.get(key);
      if (others) others.push(owner);
      else this.#owners.set(key, [owner]);
    }
    this.#end(owner, facts.until);
  }

  remove({ uid, at }: Gone, now: number): void {
    const owner = this.#current.get(uid);
    if (owner) this.#leave(owner, at, now);
  }

  /** Forgets what nobody asks for any more. */
  tidy(now: number): void {
    for (const [owner, at] of this.#gone) {
      if (at > now - REMEMBERED_MS && this.#gone.size <= MOST_REMEMBERED) return;
      this.#gone.delete(owner);
      this.#byNumber.delete(owner.number);
      for (const key of owner.keys) {
        const left = this.#owners.get(key)!.filter(other => other !== owner);
        if (left.length > 0) this.#owners.set(key, left);
        else this.#owners.delete(key);
      }
    }
  }

  /** From when on answers may have been wrong; Infinity where none was. Asked once for each news. */
  takeEnds(): number {
    const from = this.#endedFrom;
    this.#endedFrom = Number.POSITIVE_INFINITY;
    return from;
  }

  /** Numbers of those of which more than an end is different; undefined where there are none. Asked once for each news. */
  takeChanged(): ReadonlySet<number> | undefined {
    if (this.#changed.size === 0) return undefined;
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  #leave(owner: Owner, at: number, now: number): void {
    this.#end(owner, at);
    this.#current.delete(owner.facts.uid);
    this.#labelsLeftOut -= owner.facts.labelsLeftOut;
    this.#gone.set(owner, now);
  }

  #end(owner: Owner, until: number): void {
    if (until >= owner.until) return;
    owner.until = until;
    this.#endedFrom = Math.min(this.#endedFrom, until);
  }
}

/**
 * The one pod that had the address at that moment. None where two claim it: the server's times are seconds, and what is not certain is
 * not said.
 */
export function ownerAt(owners: readonly Owner[], moment: number): Owner | undefined {
  let found: Owner | undefined;
  for (const owner of owners) {
    if (moment < owner.since || moment >= owner.until) continue;
    if (found && found.facts.uid !== owner.facts.uid) return undefined;
    // in the second in which it was given the address, another may have had it still
    if (moment < owner.since + SECOND && owners.some(other => isEarlier(other, owner))) return undefined;
    found = owner;
  }
  return found;
}

function isEarlier(other: Owner, owner: Owner): boolean {
  return other.since <= owner.since && other.facts.uid !== owner.facts.uid;
}
