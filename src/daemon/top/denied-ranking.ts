import { readNumber } from '../../common/u64.js';
import { connectionFilter, storeFilter } from '../../filter/store-filter.js';
import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import { ORIG_OCTETS_WORD, ORIG_PACKETS_WORD, ROW_WORDS } from '../../row/layout.generated.js';
import { GONE, IN_USE } from '../../store/connection-table.js';
import { FlowDescriber } from './describe-flow.js';
import type { TopPage } from './page.js';
import type { TopQuery } from './query.js';
import { Selection } from './selection.js';
import { inSlices } from './slices.js';

/** Denied flows in an order: by packets, or by bytes or age where connections are sorted by these. */
export class DeniedRanking {
  readonly #flows: Flows;
  readonly #names: NameTable;
  readonly #describer: FlowDescriber;

  constructor(flows: Flows, names: NameTable) {
    this.#flows = flows;
    this.#names = names;
    this.#describer = new FlowDescriber(flows, names);
  }

  /** @param now milliseconds since 1970 @returns milliseconds that it has taken, beside what it has found */
  async rank(
    { filter, sort, reverse, deniedRows }: TopQuery,
    now: number,
  ): Promise<{ spent: number; found: NonNullable<TopPage['denied']> }> {
    const { table } = this.#flows.store;
    const { lasting, changing } =
      filter === ''
        ? { lasting: undefined, changing: undefined }
        : storeFilter(connectionFilter(filter), this.#flows, this.#names);
    const selection = new Selection(deniedRows);
    let [flows, matching] = [0, 0];
    const spent = await inSlices(
      () => table.top,
      (from, to) => {
        for (let slot = from; slot < to; slot++) {
          if ((table.flags[slot] & (IN_USE | GONE)) !== IN_USE) continue;
          const packets = readNumber(table.rows, slot * ROW_WORDS + ORIG_PACKETS_WORD);
          // its packets wait for the next poll: conntrack may have counted them
          if (packets === 0) continue;
          flows++;
          if ((lasting && !lasting(slot)) || (changing && !changing(slot))) continue;
          matching++;
          const value =
            sort === 'bytes'
              ? readNumber(table.rows, slot * ROW_WORDS + ORIG_OCTETS_WORD)
              : sort === 'age'
                ? Number.MAX_SAFE_INTEGER - table.startMs(slot)
                : packets;
          selection.offer(reverse ? -value : value, packets, slot);
        }
      },
    );
    const lines = selection.take().map(slot => this.#describer.denied(slot, now));
    return { spent, found: { flows, matching, lines } };
  }
}
