import { errnoOf } from '../../common/errors.js';
import type { Source } from '../../sources/source.js';

/** A dump of a recording. */
export interface LastDump {
  /** Its place, from 1; 0 where there is none. */
  readonly number: number;
  /** How many can be read. */
  readonly of: number;
  /** Why no more can be read. */
  readonly damage: unknown;
}

/**
 * Reads a recording to its end for the last dump that is whole; where none is, for the last one, which may be cut off.
 * @param reads hears how many have been read
 */
export async function lastDump(source: Source, reads: (dumps: number) => void): Promise<LastDump> {
  let dumps = 0;
  let whole = 0;
  try {
    for (;;) {
      const summary = await source.dump(() => {});
      if (!summary) return { number: whole || dumps, of: dumps, damage: undefined };
      reads(++dumps);
      if (summary.complete) whole = dumps;
    }
  } catch (damage) {
    if (errnoOf(damage) !== 'CTFLOW_RECORDING') throw damage;
    return { number: whole || dumps + 1, of: dumps, damage };
  }
}
