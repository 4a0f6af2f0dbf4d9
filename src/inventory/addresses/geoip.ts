import { formatIPv4, formatIPv6 } from '../../common/address.js';
import type { Logger } from '../../common/logger.js';
import { AF_INET6 } from '../../row/protocol.js';
import { type FileCounts, WatchedFile } from '../watched-file.js';
import { GeoipDatabase, type GeoKind } from './geoip-database.js';
import { RecentMap } from './recent-map.js';

export interface GeoipOptions {
  /** Files in MaxMind's format; one may have both. */
  readonly asn?: string | undefined;
  readonly country?: string | undefined;
}

/** Of one file. */
export interface GeoipFileStats extends FileCounts {
  /** When the database was made, milliseconds since 1970. */
  readonly builtAt: number;
}

export interface GeoipStats {
  readonly asn?: GeoipFileStats;
  readonly country?: GeoipFileStats;
  /** Addresses whose answer was still known, and those that were looked up in the files. */
  readonly known: number;
  readonly lookedUp: number;
  /** Of these, addresses at which a file is damaged. */
  readonly damaged: number;
}

/** What is known of an address. */
export interface GeoFacts {
  /** 0 for none. */
  readonly asNumber: number;
  /** ISO 3166's two letters; empty for none. */
  readonly country: string;
}

/** Addresses whose answers are kept; some 10 MB. */
const MOST_ADDRESSES = 65_536;
const NOTHING: GeoFacts = { asNumber: 0, country: '' };
const NAMES = { asn: 'GeoIP database of AS numbers', country: 'GeoIP database of countries' } as const;

type File = WatchedFile<GeoipDatabase>;

/** In which autonomous system and country addresses are, by files that are read again when they change. */
export class Geoip {
  readonly #asn: File | undefined;
  readonly #country: File | undefined;
  /** Addresses of IPv4 are numbers. */
  readonly #known: RecentMap<number | string, GeoFacts>;
  readonly #counts = { known: 0, lookedUp: 0, damaged: 0 };
  #users = 1;

  private constructor(asn: File | undefined, country: File | undefined, most: number) {
    this.#asn = asn;
    this.#country = country;
    this.#known = new RecentMap(most);
    for (const file of [asn, country]) file?.subscribe(() => this.#known.clear());
  }

  /**
   * Reads the files for the first time, and watches them until {@link close}.
   * @param signal gives up
   * @throws CtflowError CTFLOW_GEOIP
   */
  static async open(
    { asn, country }: GeoipOptions,
    log: Logger,
    { signal, pollMs, most = MOST_ADDRESSES }: { signal?: AbortSignal; pollMs?: number; most?: number } = {},
  ): Promise<Geoip> {
    const opened: File[] = [];
    const openFile = async (kind: GeoKind, file: string | undefined): Promise<File | undefined> => {
      if (file === undefined) return undefined;
      const read = (path: string, stop?: AbortSignal): Promise<GeoipDatabase> => GeoipDatabase.read(path, kind, stop);
      const facts = ({ type, builtAt }: GeoipDatabase): object => ({ type, built: new Date(builtAt).toISOString() });
      const one = await WatchedFile.open({ file, what: NAMES[kind], read, facts, log, pollMs }, signal);
      opened.push(one);
      return one;
    };
    try {
      return new Geoip(await openFile('asn', asn), await openFile('country', country), most);
    } catch (error) {
      for (const one of opened) one.close();
      throw error;
    }
  }

  /** What is looked up: elements of others are never known. */
  get kinds(): Readonly<Record<GeoKind, boolean>> {
    return { asn: this.#asn !== undefined, country: this.#country !== undefined };
  }

  /** @param bytes hold the address in network order from `at` on; @param family the kernel's number */
  find(bytes: Uint8Array, at: number, family: number): GeoFacts {
    const key = family === AF_INET6 ? keyOfSix(bytes, at) : keyOfFour(bytes, at);
    const known = this.#known.get(key);
    if (known) {
      this.#counts.known++;
      return known;
    }
    const facts = this.#lookUp((family === AF_INET6 ? formatIPv6 : formatIPv4)(bytes, at));
    this.#known.set(key, facts);
    return facts;
  }

  stats(): GeoipStats {
    const of = (file: File): GeoipFileStats => ({ ...file.counts(), builtAt: file.content.builtAt });
    return {
      ...(this.#asn && { asn: of(this.#asn) }),
      ...(this.#country && { country: of(this.#country) }),
      ...this.#counts,
    };
  }

  /** Contents that stayed out of force. */
  get errors(): number {
    return [this.#asn, this.#country].reduce((sum, file) => sum + (file?.counts().errors ?? 0), 0);
  }

  /** Reads the files now; what is wrong is logged and counted, and what was in force stays so. */
  async reload(): Promise<void> {
    await Promise.all([this.#asn?.reload(), this.#country?.reload()]);
  }

  /** For another user, who closes it too. */
  share(): this {
    this.#users++;
    return this;
  }

  /** The last user's ends it. */
  close(): void {
    if (--this.#users > 0) return;
    this.#asn?.close();
    this.#country?.close();
  }

  #lookUp(address: string): GeoFacts {
    this.#counts.lookedUp++;
    try {
      const asNumber = this.#asn?.content.asNumber(address) ?? 0;
      const country = this.#country?.content.country(address) ?? '';
      return asNumber === 0 && country === '' ? NOTHING : { asNumber, country };
    } catch {
      this.#counts.damaged++;
      return NOTHING;
    }
  }
}

function keyOfFour(bytes: Uint8Array, at: number): number {
  return bytes[at] * 0x100_0000 + (bytes[at + 1] << 16) + (bytes[at + 2] << 8) + bytes[at + 3];
}

/** A character for each of the eight groups: it is made sooner than the text for people. */
function keyOfSix(bytes: Uint8Array, at: number): string {
  const group = (i: number): number => (bytes[at + i] << 8) | bytes[at + i + 1];
  return String.fromCharCode(group(0), group(2), group(4), group(6), group(8), group(10), group(12), group(14));
}
