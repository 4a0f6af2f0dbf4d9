import { HAS_ID, HAS_START, HASH, ID, PRESENT, START_NS } from './layout.generated.js';
import { writeNumber } from './u64.js';

const scratch = new Uint32Array(2);

/**
 * flowId (IE 148): the kernel's id and start time hashed into 64 bits, the same after a restart. Where one of them is not
 * known, the tuple's hash and the flow start take their place.
 */
export function writeFlowId(row: Uint32Array, from: number, startMs: number, out: Uint32Array, at: number): void {
  let id = row[from + (ID >> 2)] | 0;
  let low = row[from + (START_NS >> 2)] | 0;
  let high = row[from + (START_NS >> 2) + 1] | 0;
  if ((row[from + (PRESENT >> 2)] & (HAS_ID | HAS_START)) !== (HAS_ID | HAS_START)) {
    id = row[from + (HASH >> 2)] | 0;
    writeNumber(scratch, 0, startMs);
    low = scratch[0] | 0;
    high = scratch[1] | 0;
  }
  out[at] = mix(mix(mix(0x9747b28c, id), low), high);
  out[at + 1] = mix(mix(mix(0x3c6ef372, high), id), low);
}

/** One step of a 32-bit multiplicative hash with full avalanche; signed, as a larger number would be allocated. */
function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
