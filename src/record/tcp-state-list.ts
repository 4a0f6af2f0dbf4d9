import { TCP_HISTORY } from '../ipfix/shape.js';
import type { Batch } from '../row/batch.js';
import { STATE, TCP_STATE_HISTORY } from '../row/layout.generated.js';
import { statesBefore, type TcpHistory } from '../store/tcp-history.js';
import type { RecordAugmenter } from './record-augmenter.js';

/** The TCP states of a connection before the one that the record has (tcpStatePrevList of PEN 56506). */
export class TcpStateList implements RecordAugmenter {
  readonly #history: TcpHistory;

  constructor(history: TcpHistory) {
    this.#history = history;
  }

  shapeOf(slot: number): number {
    return this.#history.statesOf(slot) === 0 ? 0 : TCP_HISTORY;
  }

  write(slot: number, batch: Batch, at: number): void {
    batch.u32[(at + TCP_STATE_HISTORY) >> 2] = statesBefore(this.#history.statesOf(slot), batch.bytes[at + STATE]);
  }
}
