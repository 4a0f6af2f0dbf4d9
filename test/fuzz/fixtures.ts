import { readFileSync } from 'node:fs';

/** A file of test/fixtures. */
export function fixture(name: string): Uint8Array {
  return readFileSync(new URL(`../../../test/fixtures/${name}`, import.meta.url));
}
