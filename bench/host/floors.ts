import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './machine.js';

const LIBRARY = join(ROOT, 'target/release/libctflow_floors.so');

/** What crates/ctflow-bench has for Node: each does no more with its input than ctflow must. */
export interface Floors {
  /**
   * Copies as many bytes from as many records, in place of encoding them; of each record about as many.
   * @param stride bytes from one record to the next
   */
  copyRecords(records: Uint8Array, stride: number, count: number, bytes: number, out: Uint8Array): void;
  /** Walks the attributes of the entries of a dump, in place of decoding them. */
  walkAttributes(netlink: Uint8Array, littleEndian: boolean): Walked;
  /** @param capacity rows at most */
  readonly MergeFloor: new (capacity: number) => MergeFloor;
}

export interface Walked {
  /** Messages that are entries. */
  readonly entries: number;
  /** Attributes, nested ones among them. */
  readonly attributes: number;
  /** Bytes of those that have no others inside. */
  readonly octets: number;
}

/** Rows by slot: of each dump, those that were new have a slot, and those that it did not show have none. */
export interface MergeFloor {
  begin(): void;
  merge(rows: Uint8Array, count: number): void;
  end(): void;
  /** Rows that are held. */
  readonly size: number;
  /** Rows that were new, of all dumps. */
  readonly added: number;
  /** The sum of all words of counters that are held, modulo 2^32. */
  counted(): number;
}

/** Undefined where they are not built: {@link buildCompanion} builds them. */
export function loadFloors(): Floors | undefined {
  if (!existsSync(LIBRARY)) return undefined;
  const module = { exports: {} };
  process.dlopen(module, LIBRARY); // require() wants another ending
  return module.exports as Floors;
}
