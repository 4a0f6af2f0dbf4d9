const CACHE_LINE = 64;
/** What glibc's malloc keeps of a large block stands before it, at the beginning of a page. */
const MALLOC_HEADER = 16;

/** Zeroed memory that begins with a cache line, where glibc allocates it: what stands in one line is read with one. */
export function cacheLines(bytes: number): Uint8Array {
  const before = CACHE_LINE - MALLOC_HEADER;
  return new Uint8Array(new ArrayBuffer(before + bytes), before, bytes);
}

/** Copies eight words. V8 checks two arrays once for all of these, and in a loop for each. */
export function copyEight(to: Uint32Array, at: number, from: Uint32Array, source: number): void {
  to[at] = from[source];
  to[at + 1] = from[source + 1];
  to[at + 2] = from[source + 2];
  to[at + 3] = from[source + 3];
  to[at + 4] = from[source + 4];
  to[at + 5] = from[source + 5];
  to[at + 6] = from[source + 6];
  to[at + 7] = from[source + 7];
}

/** Sets eight words to zero. */
export function clearEight(words: Uint32Array, at: number): void {
  words[at] = 0;
  words[at + 1] = 0;
  words[at + 2] = 0;
  words[at + 3] = 0;
  words[at + 4] = 0;
  words[at + 5] = 0;
  words[at + 6] = 0;
  words[at + 7] = 0;
}

/** Whether eight words are the same. */
export function sameEight(a: Uint32Array, at: number, b: Uint32Array, bt: number): boolean {
  return (
    a[at] === b[bt] &&
    a[at + 1] === b[bt + 1] &&
    a[at + 2] === b[bt + 2] &&
    a[at + 3] === b[bt + 3] &&
    a[at + 4] === b[bt + 4] &&
    a[at + 5] === b[bt + 5] &&
    a[at + 6] === b[bt + 6] &&
    a[at + 7] === b[bt + 7]
  );
}
