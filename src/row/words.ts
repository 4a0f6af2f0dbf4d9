const CACHE_LINE = 64;
/** What glibc's malloc keeps of a large block stands before it, at the beginning of a page. */
const MALLOC_HEADER = 16;

/** Zeroed memory that begins with a cache line, where glibc allocates it: what stands in one line is read with one. */
export function cacheLines(bytes: number): Uint8Array {
  const before = CACHE_LINE - MALLOC_HEADER;
  return new Uint8Array(new ArrayBuffer(before + bytes), before, bytes);
}
