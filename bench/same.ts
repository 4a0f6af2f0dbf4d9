/** @throws where two results differ that are to be compared: what is not the same is not timed against each other */
export function same(what: string, actual: number, expected: number): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, not ${expected}; nothing is timed`);
}

/** @throws as {@link same} */
export function sameBytes(what: string, a: Uint8Array, b: Uint8Array): void {
  if (Buffer.compare(a, b) !== 0) throw new Error(`${what} differ; nothing is timed`);
}
