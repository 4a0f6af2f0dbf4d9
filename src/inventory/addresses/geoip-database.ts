import { open } from 'node:fs/promises';
import { Reader, type Response } from 'mmdb-lib';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { notRegular, READ_NOW } from '../../common/regular-file.js';
import { formatSize } from '../../common/size.js';
import { U32_MAX } from '../../common/unsigned.js';
import { RecentMap } from './recent-map.js';

/** What a database is asked for. */
export type GeoKind = 'asn' | 'country';

/** Bytes; the largest that are sold have some 500 MB. */
const LARGEST = 1 << 30;
/** In front of what a database says of itself. */
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** The marker stands among so many bytes at the end. */
const METADATA_MOST = 128 << 10;
/** Records that are kept as objects: many networks share one. */
const MOST_RECORDS = 4_096;
/** Networks that are looked at for a first value. */
const MOST_TRIED = 10_000;
const WHAT: Readonly<Record<GeoKind, readonly [what: string, such: string]>> = {
  asn: ['AS numbers', 'GeoLite2-ASN'],
  country: ['countries', 'GeoLite2-Country'],
};

/** A database in MaxMind's format, in memory. */
export class GeoipDatabase {
  /** As it calls itself: `GeoLite2-ASN`. */
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly builtAt: number;
  readonly #reader: Reader<Response>;
  /** It has IPv4 alone. */
  readonly #four: boolean;

  private constructor(reader: Reader<Response>) {
    const { databaseType, buildEpoch, ipVersion } = reader.metadata;
    this.type = String(databaseType);
    this.builtAt = buildEpoch.getTime() || 0;
    this.#reader = reader;
    this.#four = ipVersion === 4;
  }

  /**
   * Reads a file whole and looks whether it has what is wanted.
   * @throws CtflowError CTFLOW_GEOIP
   */
  static async read(file: string, kind: GeoKind, signal?: AbortSignal): Promise<GeoipDatabase> {
    const [what, such] = WHAT[kind];
    const bytes = await readBytes(file, signal);
    let database: GeoipDatabase;
    let hasAny: boolean;
    try {
      database = new GeoipDatabase(readerOf(bytes));
      hasAny = database.#hasAny(kind);
    } catch (error) {
      const packed = bytes[0] === 0x1f && bytes[1] === 0x8b;
      throw new CtflowError(
        'CTFLOW_GEOIP',
        `${file} is not a database in MaxMind's format (${(error as Error).message})`,
        packed ? 'It is packed: unpack it with gunzip, or tar' : `Give a file in that format, such as ${such}.mmdb`,
        error,
      );
    }
    if (hasAny) return database;
    throw new CtflowError(
      'CTFLOW_GEOIP',
      `${file} (${database.type}) has no ${what}`,
      `Give a database of ${what}, such as ${such}`,
    );
  }

  /** Number of the autonomous system; 0 for none. @throws where the file is damaged there */
  asNumber(address: string): number {
    return asNumberOf(this.#record(address));
  }

  /** Two letters; empty for none. @throws where the file is damaged there */
  country(address: string): string {
    return countryOf(this.#record(address));
  }

  #record(address: string): unknown {
    // the tree of IPv4 has an answer for whatever begins with the same bits
    return this.#four && address.includes(':') ? undefined : this.#reader.get(address);
  }

  /** Whether one of the first networks has a value. */
  #hasAny(kind: GeoKind): boolean {
    const families = this.#four ? ([4] as const) : ([4, 6] as const);
    return families.some(family => {
      const bits = family === 4 ? 32n : 128n;
      let address = 0n;
      for (let tried = 0; tried < MOST_TRIED && address < 1n << bits; tried++) {
        const [record, length] = this.#reader.getWithPrefixLength(addressText(family, address));
        if (kind === 'asn' ? asNumberOf(record) !== 0 : countryOf(record) !== '') return true;
        // on to the next network
        const size = 1n << (bits - BigInt(length));
        address = (address / size + 1n) * size;
      }
      return false;
    });
  }
}

/** As MaxMind and DB-IP have it, or in one text as IPinfo does: `AS64500`. */
function asNumberOf(record: unknown): number {
  const { autonomous_system_number: number, asn } = fieldsOf(record);
  const found = typeof number === 'number' ? number : Number(/^AS(\d{1,10})$/.exec(String(asn))?.[1]);
  return found > 0 && found <= U32_MAX ? found : 0;
}

/** As MaxMind and DB-IP have it, or beside other facts as IPinfo does. */
function countryOf(record: unknown): string {
  const { country, country_code: code } = fieldsOf(record);
  const found = [fieldsOf(country)['iso_code'], code, country].find(
    (value): value is string => typeof value === 'string' && /^[A-Za-z]{2}$/.test(value),
  );
  return found?.toUpperCase() ?? '';
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function readerOf(bytes: Buffer): Reader<Response> {
  if (bytes.subarray(-METADATA_MOST).lastIndexOf(MARKER) < 0) throw new Error('it does not say so at its end');
  const reader = new Reader<Response>(bytes, { cache: new RecentMap(MOST_RECORDS) });
  const { binaryFormatMajorVersion: version, ipVersion, searchTreeSize } = reader.metadata;
  if (version !== 2) throw new Error(`version ${version} of it is not known`);
  if ((ipVersion !== 4 && ipVersion !== 6) || !(searchTreeSize < bytes.length)) throw new Error('it is cut off');
  return reader;
}

function addressText(family: 4 | 6, address: bigint): string {
  const digits = address.toString(16).padStart(family === 4 ? 8 : 32, '0');
  return family === 4
    ? digits.replace(/../g, pair => `${Number.parseInt(pair, 16)}.`).slice(0, -1)
    : digits.replace(/.{4}/g, group => `${group}:`).slice(0, -1);
}

async function readBytes(file: string, signal: AbortSignal | undefined): Promise<Buffer> {
  const hint = 'Give a file that exists and can be read';
  try {
    const handle = await open(file, READ_NOW);
    try {
      const found = await handle.stat();
      const why = notRegular(found);
      if (why !== undefined) throw new CtflowError('CTFLOW_GEOIP', `${file} cannot be read: ${why}`, hint);
      if (found.size > LARGEST) {
        const allowed = `The limit is ${formatSize(LARGEST)}`;
        throw new CtflowError('CTFLOW_GEOIP', `${file} has ${found.size} bytes`, allowed);
      }
      return await handle.readFile({ signal });
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CtflowError || signal?.aborted) throw error;
    const reason = errnoOf(error) || String(error);
    throw new CtflowError('CTFLOW_GEOIP', `${file} cannot be read: ${reason}`, hint, error);
  }
}
