import type { Geoip, GeoFacts } from '../inventory/addresses/geoip.js';
import type { Batch } from '../row/batch.js';
import {
  FAMILY,
  HAS_HELPER,
  HELPER,
  ORIG_DST,
  ORIG_SRC,
  PRESENT_WORD,
  ROW_SIZE,
  ROW_WORDS,
} from '../row/layout.generated.js';
import { within, type Condition } from './condition.js';
import type { Filter, Matches } from './filter.js';
import { helperEnd, rowTest, startOf, textTest, type RowMemory } from './row-fields.js';

/** Where a row has the address that a field is about. */
const ADDRESSES: Readonly<Record<string, number>> = {
  'src.asn': ORIG_SRC,
  'dst.asn': ORIG_DST,
  'src.country': ORIG_SRC,
  'dst.country': ORIG_DST,
};

/** A filter over rows as a source delivers them. */
export class BatchFilter {
  readonly #memory: { -readonly [K in keyof RowMemory]: RowMemory[K] };
  readonly #matches: Matches<number>;
  readonly #now: number;
  readonly #geoip: Geoip | undefined;

  /** @param now milliseconds since 1970: an age is that of this moment; @param geoip without it nothing is known of addresses */
  constructor(filter: Filter, now: number, geoip?: Geoip) {
    this.#memory = { bytes: new Uint8Array(0), u16: new Uint16Array(0), u32: new Uint32Array(0) };
    this.#now = now;
    this.#geoip = geoip;
    this.#matches = filter.compile((field, condition) => this.#test(field, condition));
  }

  /** The rows that {@link matches} is asked about from now on. */
  use({ bytes, u16, u32 }: Batch): void {
    this.#memory.bytes = bytes;
    this.#memory.u16 = u16;
    this.#memory.u32 = u32;
  }

  /** @param at number of the row */
  matches(at: number): boolean {
    return this.#matches(at);
  }

  #test(field: string, condition: Condition): Matches<number> {
    const memory = this.#memory;
    if (field === 'helper' && condition.kind === 'text') {
      const test = textTest(condition);
      return at => {
        if ((memory.u32[at * ROW_WORDS + PRESENT_WORD] & HAS_HELPER) === 0) return false;
        const from = at * ROW_SIZE + HELPER;
        return test(memory.bytes, from, helperEnd(memory.bytes, from));
      };
    }
    if (field === 'age' && condition.kind === 'number') {
      const { lows, highs } = condition;
      return at => {
        const start = startOf(memory.u32, at);
        return start !== undefined && within(lows, highs, Math.max(this.#now - start, 0));
      };
    }
    const address = ADDRESSES[field];
    if (address !== undefined) return this.#geoTest(address, condition);
    const test = rowTest(memory, field, condition);
    if (test) return test;
    throw new Error(`a dump has no field ${field}`);
  }

  #geoTest(address: number, condition: Condition): Matches<number> {
    const geoip = this.#geoip;
    if (!geoip) return () => false;
    const factsOf = (at: number): GeoFacts =>
      geoip.find(this.#memory.bytes, at * ROW_SIZE + address, this.#memory.bytes[at * ROW_SIZE + FAMILY]);
    if (condition.kind === 'number') {
      const { lows, highs } = condition;
      return at => {
        const { asNumber } = factsOf(at);
        return asNumber !== 0 && within(lows, highs, asNumber);
      };
    }
    if (condition.kind !== 'text') return () => false;
    const { texts, not } = condition;
    return at => {
      const { country } = factsOf(at);
      return country !== '' && texts.includes(country) !== not;
    };
  }
}
