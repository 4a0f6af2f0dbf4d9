import { ADDRESS_FACTS, type FlowExtras } from '../../encoder/columns.js';
import { FACTS_OF_ADDRESS } from '../../ipfix/details.js';
import { type NameHolder, type NameTable } from '../../record/name-table.js';
import { FAMILY, ORIG_DST, ORIG_SRC, ROW_SIZE } from '../../row/layout.generated.js';
import { IN_USE } from '../../store/connection-table.js';
import type { FlowStore, StoreListener } from '../../store/flow-store.js';
import type { DnsName, DnsNames } from './dns-names.js';
import type { Geoip } from './geoip.js';

/** Where an address has its facts, of FACTS_OF_ADDRESS. */
export const AS_NUMBER = 0;
export const COUNTRY = 1;
export const DNS_NAME = 2;
/** Those that are numbers of names. */
const NAMES = [COUNTRY, DNS_NAME, FACTS_OF_ADDRESS + COUNTRY, FACTS_OF_ADDRESS + DNS_NAME] as const;
/** Addresses of a flow. */
export const SIDES = 2;
const ADDRESSES = [ORIG_SRC, ORIG_DST] as const;

export interface AddressSources {
  readonly geoip?: Geoip | undefined;
  readonly dns?: DnsNames | undefined;
}

/** What is known of the addresses of a store's flows, as the first packet had them. Each flow is looked up once; its names come when they are known. */
export class AddressFacts implements StoreListener, NameHolder {
  readonly #store: FlowStore;
  readonly #names: NameTable;
  readonly #geoip: Geoip | undefined;
  readonly #dns: DnsNames | undefined;
  readonly #facts: Uint32Array;
  /** When the names came; empty without any. */
  readonly #namedAt: Float64Array;
  /** Of each slot which use of it this is: an answer may come when another flow is there. */
  readonly #uses: Uint32Array;

  constructor(store: FlowStore, names: NameTable, { geoip, dns }: AddressSources) {
    const { capacity } = store.table;
    this.#store = store;
    this.#names = names;
    this.#geoip = geoip;
    this.#dns = dns;
    this.#facts = new Uint32Array(capacity * ADDRESS_FACTS);
    this.#namedAt = new Float64Array(dns ? capacity * SIDES : 0);
    this.#uses = new Uint32Array(dns ? capacity : 0);
    store.subscribe(this);
    names.hold(this);
  }

  get extras(): FlowExtras {
    const { asn, country } = this.#geoip?.kinds ?? {};
    return {
      addressFacts: this.#facts,
      ...(asn && { asNumbers: true }),
      ...(country && { countries: true }),
      ...(this.#dns && { namedAt: this.#namedAt }),
    };
  }

  added(slot: number): void {
    this.#facts.fill(0, slot * ADDRESS_FACTS, (slot + 1) * ADDRESS_FACTS);
    if (this.#geoip) for (let side = 0; side < SIDES; side++) this.#locate(this.#geoip, slot, side);
    if (!this.#dns) return;
    this.#uses[slot]++;
    for (let side = 0; side < SIDES; side++) this.#findName(this.#dns, slot, side);
  }

  eachName(keep: (number: number) => void): void {
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      if (!(flags[slot] & IN_USE)) continue;
      for (const fact of NAMES) keep(this.#facts[slot * ADDRESS_FACTS + fact]);
    }
  }

  #locate(geoip: Geoip, slot: number, side: number): void {
    const { bytes } = this.#store.table;
    const row = slot * ROW_SIZE;
    const { asNumber, country } = geoip.find(bytes, row + ADDRESSES[side], bytes[row + FAMILY]);
    const at = slot * ADDRESS_FACTS + side * FACTS_OF_ADDRESS;
    this.#facts[at + AS_NUMBER] = asNumber;
    if (country !== '') this.#facts[at + COUNTRY] = this.#names.intern(country);
  }

  #findName(dns: DnsNames, slot: number, side: number): void {
    const { bytes } = this.#store.table;
    const row = slot * ROW_SIZE;
    const use = this.#uses[slot];
    const known = dns.find(bytes, row + ADDRESSES[side], bytes[row + FAMILY], found => {
      if (this.#uses[slot] === use) this.#setName(slot, side, found);
    });
    if (known) this.#setName(slot, side, known);
  }

  #setName(slot: number, side: number, { name, at }: DnsName): void {
    this.#facts[slot * ADDRESS_FACTS + side * FACTS_OF_ADDRESS + DNS_NAME] = this.#names.intern(name);
    this.#namedAt[slot * SIDES + side] = at;
  }
}
