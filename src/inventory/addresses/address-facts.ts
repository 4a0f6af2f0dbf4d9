import { ADDRESS_FACTS, type FlowExtras } from '../../encoder/columns.js';
import { FACTS_OF_ADDRESS } from '../../ipfix/details.js';
import { type NameHolder, type NameTable } from '../../record/name-table.js';
import { FAMILY, ORIG_DST, ORIG_SRC, ROW_SIZE } from '../../row/layout.generated.js';
import { IN_USE } from '../../store/connection-table.js';
import type { FlowStore, StoreListener } from '../../store/flow-store.js';
import type { Geoip } from './geoip.js';

/** Where an address has its facts, of FACTS_OF_ADDRESS. */
export const AS_NUMBER = 0;
export const COUNTRY = 1;
export const DNS_NAME = 2;
/** Those that are numbers of names. */
const NAMES = [COUNTRY, DNS_NAME, FACTS_OF_ADDRESS + COUNTRY, FACTS_OF_ADDRESS + DNS_NAME] as const;

/** What is known of the addresses of a store's flows, as the first packet had them. Each flow is looked up once. */
export class AddressFacts implements StoreListener, NameHolder {
  readonly #store: FlowStore;
  readonly #names: NameTable;
  readonly #geoip: Geoip;
  readonly #facts: Uint32Array;

  constructor(store: FlowStore, names: NameTable, geoip: Geoip) {
    this.#store = store;
    this.#names = names;
    this.#geoip = geoip;
    this.#facts = new Uint32Array(store.table.capacity * ADDRESS_FACTS);
    store.subscribe(this);
    names.hold(this);
  }

  get extras(): FlowExtras {
    const { asn, country } = this.#geoip.kinds;
    return { addressFacts: this.#facts, ...(asn && { asNumbers: true }), ...(country && { countries: true }) };
  }

  added(slot: number): void {
    const at = slot * ADDRESS_FACTS;
    this.#facts.fill(0, at, at + ADDRESS_FACTS);
    this.#find(slot * ROW_SIZE, ORIG_SRC, at);
    this.#find(slot * ROW_SIZE, ORIG_DST, at + FACTS_OF_ADDRESS);
  }

  eachName(keep: (number: number) => void): void {
    const { flags, top } = this.#store.table;
    for (let slot = 0; slot < top; slot++) {
      if (!(flags[slot] & IN_USE)) continue;
      for (const fact of NAMES) keep(this.#facts[slot * ADDRESS_FACTS + fact]);
    }
  }

  #find(row: number, address: number, to: number): void {
    const { bytes } = this.#store.table;
    const { asNumber, country } = this.#geoip.find(bytes, row + address, bytes[row + FAMILY]);
    this.#facts[to + AS_NUMBER] = asNumber;
    if (country !== '') this.#facts[to + COUNTRY] = this.#names.intern(country);
  }
}
