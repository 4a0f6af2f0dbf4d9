import { closeSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readNumber, writeNumber } from '../common/u64.js';
import { isSameFile, openBeside } from './state-path.js';

const MAGIC = 'CTFLOWSQ';
const WORDS = 12;
/** Words: magic (2), id (2), id of a file that is about to take its place (2), size (2), place (2), nothing (1), CRC (1). */
const ID = 2;
const NEXT = 4;
const SIZE = 6;
const PLACE = 8;
const CRC = 11;

/** A journal by the random number that it was begun with, two words. */
export type JournalId = readonly [number, number];

/**
 * How far the state file has come, in a file of its own beside it (FILE.seq): an older copy of the state file that is put back
 * lies behind it. Written in place, after what it counts.
 */
export class SequenceFile {
  readonly path: string;
  /** It was there, and whole. */
  readonly known: boolean;
  /** There was such a file. */
  readonly found: boolean;
  readonly #words = new Uint32Array(WORDS);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #fd: number;

  /** Opens the file, or makes one. @throws the system's error */
  constructor(state: string) {
    this.path = `${state}.seq`;
    this.#fd = openBeside(this.path);
    const length = readSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0);
    this.found = length > 0;
    this.known = length === this.#bytes.length && this.#isWhole();
    if (!this.known) this.#words.fill(0);
    Buffer.from(this.#bytes.buffer).write(MAGIC, 'latin1');
  }

  /** Places of the destroy log below it are free. */
  get place(): number {
    return readNumber(this.#words, PLACE);
  }

  /** Whether a journal with this id and size is the latest, or may be: it took its place when the process was killed. */
  isLatest(id: JournalId, size: number): boolean {
    if (!this.known) return false;
    if (this.#is(NEXT, id)) return true;
    return this.#is(ID, id) && size >= readNumber(this.#words, SIZE);
  }

  /** A journal with this id is about to take the place of the one before. @throws the system's error */
  announce(next: JournalId): void {
    this.#words.set(next, NEXT);
    this.#write();
  }

  /** The journal has this id and size now. @throws the system's error */
  begin(id: JournalId, size: number): void {
    this.#words.set(id, ID);
    this.#words.fill(0, NEXT, NEXT + 2);
    this.grow(size);
  }

  /** @throws the system's error */
  grow(size: number): void {
    writeNumber(this.#words, SIZE, size);
    this.#write();
  }

  /** @throws the system's error */
  free(place: number): void {
    writeNumber(this.#words, PLACE, place);
    this.#write();
  }

  /** Whether the file is still there; where it is not, it is written again. @throws the system's error */
  renew(): boolean {
    const there = new Uint8Array(this.#bytes.length);
    readSync(this.#fd, there, 0, there.length, 0);
    if (isSameFile(this.#fd, this.path) && Buffer.compare(there, this.#bytes) === 0) return true;
    this.close();
    this.#fd = openBeside(this.path);
    ftruncateSync(this.#fd);
    this.#write();
    return false;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #is(at: number, [first, second]: JournalId): boolean {
    return this.#words[at] === first && this.#words[at + 1] === second && (first | second) !== 0;
  }

  #isWhole(): boolean {
    const magic = Buffer.from(this.#bytes.buffer).toString('latin1', 0, MAGIC.length);
    return magic === MAGIC && this.#words[CRC] === crc32(this.#bytes.subarray(0, CRC * 4));
  }

  #write(): void {
    this.#words[CRC] = crc32(this.#bytes.subarray(0, CRC * 4));
    writeSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0);
  }
}
