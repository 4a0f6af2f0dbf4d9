import { FROM_HOST, TO_HOST } from '../encoder/columns.js';
import { describeError } from '../common/errors.js';
import type { Logger } from '../common/logger.js';
import { AF_INET6 } from '../row/protocol.js';
import { FAMILY, ORIG_SRC_WORD, REPLY_SRC_WORD, ROW_WORDS } from '../row/layout.generated.js';
import type { Source } from '../sources/source.js';
import type { FlowStore, StoreListener } from '../store/flow-store.js';
import { parseAddress } from '../common/prefix.js';

/** Words of an IPv6 address. */
const WORDS = 4;
/** The first octet of every address of loopback: 127.0.0.0/8 is this host's, whatever its interfaces say. */
const LOOPBACK = 127;

/** The addresses of this host, as words of rows. */
export class LocalAddresses {
  readonly #source: Pick<Source, 'localAddresses'>;
  readonly #log: Logger;
  #text = '';
  #v4: ReadonlySet<number> = new Set();
  /** By their last word, one behind another. */
  #v6: ReadonlyMap<number, Uint32Array> = new Map();
  #failed = false;

  constructor(source: Pick<Source, 'localAddresses'>, log: Logger) {
    this.#source = source;
    this.#log = log;
    this.beforeDump();
  }

  /** Reads them again. A failure leaves what was known. */
  beforeDump(): void {
    try {
      const list = this.#source.localAddresses?.() ?? [];
      const text = list.join();
      if (text !== this.#text) this.#take(list);
      this.#text = text;
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) this.#log.warn(`${describeError(error)}; flowDirection goes by the addresses before`);
      this.#failed = true;
    }
  }

  /** Whether the address at this word is this host's. @param first its first octet */
  has(rows: Uint32Array, at: number, v6: boolean, first: number): boolean {
    if (!v6) return first === LOOPBACK || this.#v4.has(rows[at]);
    const alike = this.#v6.get(rows[at + WORDS - 1]);
    if (!alike) return false;
    for (let i = 0; i < alike.length; i += WORDS) {
      if (alike[i] === rows[at] && alike[i + 1] === rows[at + 1] && alike[i + 2] === rows[at + 2]) return true;
    }
    return false;
  }

  #take(list: readonly string[]): void {
    const v4 = new Set<number>();
    const v6 = new Map<number, Uint32Array>();
    for (const text of list) {
      const address = parseAddress(text.replace(/%.*/, ''));
      if (!address) continue;
      const hex = address.first.toString(16).padStart(address.family === 4 ? 8 : 32, '0');
      const words = new Uint32Array(Uint8Array.from(Buffer.from(hex, 'hex')).buffer);
      if (address.family === 4) v4.add(words[0]);
      else v6.set(words[WORDS - 1], Uint32Array.of(...(v6.get(words[WORDS - 1]) ?? []), ...words));
    }
    this.#v4 = v4;
    this.#v6 = v6;
  }
}

/**
 * Which end of a flow is this host, by its addresses when the store gets the flow: the source of the original direction, or the
 * destination as it is after NAT. Neither where both are, or none is: flowDirection (IE 61) is of one side of an observation
 * point, and a flow that is forwarded, or stays inside, has two.
 */
export class LocalEnds implements StoreListener {
  readonly #addresses: LocalAddresses;
  readonly #store: FlowStore;

  constructor(store: FlowStore, addresses: LocalAddresses) {
    this.#store = store;
    this.#addresses = addresses;
  }

  added(slot: number): void {
    const fromHost = this.#isLocal(slot, ORIG_SRC_WORD);
    if (fromHost !== this.#isLocal(slot, REPLY_SRC_WORD)) {
      this.#store.table.flags[slot] |= fromHost ? FROM_HOST : TO_HOST;
    }
  }

  /** @param word of an address in the row */
  #isLocal(slot: number, word: number): boolean {
    const { rows, bytes } = this.#store.table;
    const row = slot * ROW_WORDS;
    const v6 = bytes[row * 4 + FAMILY] === AF_INET6;
    return this.#addresses.has(rows, row + word, v6, bytes[(row + word) * 4]);
  }
}
