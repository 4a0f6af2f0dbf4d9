import { LEFT_OUT, NOT_SHOWN, SHOWN } from '../encoder/columns.js';
import type { ExportSlots } from './export-state.js';

/** What a destination's filter takes, by slot; both have to hold, and undefined always does. */
export interface FlowFilter {
  /** About facts that never change: asked once. */
  readonly lasting: ((slot: number) => boolean) | undefined;
  /** About all others: asked whenever a record is due, until the first one is exported. */
  readonly changing: ((slot: number) => boolean) | undefined;
}

/** Which connections a destination's filter shows: from their first record on, to their end. */
export class Visibility {
  readonly #filter: FlowFilter;
  readonly #slots: ExportSlots;

  constructor(filter: FlowFilter, slots: ExportSlots) {
    this.#filter = filter;
    this.#slots = slots;
  }

  /** @param exported an earlier run has exported it */
  added(slot: number, exported: boolean): void {
    const { lasting, changing } = this.#filter;
    if (exported) this.#slots.setVisible(slot, SHOWN);
    else if (lasting && !lasting(slot)) this.#slots.setVisible(slot, LEFT_OUT);
    else this.#slots.setVisible(slot, changing ? NOT_SHOWN : SHOWN);
  }

  /** Nothing of it was exported, and only the filter's answer decides. */
  isHidden(slot: number): boolean {
    return this.#slots.visible(slot) !== SHOWN;
  }

  isLeftOut(slot: number): boolean {
    return this.#slots.visible(slot) === LEFT_OUT;
  }

  /** Whether a record of it may be exported now. */
  shows(slot: number): boolean {
    const visible = this.#slots.visible(slot);
    return visible === SHOWN || (visible === NOT_SHOWN && this.#filter.changing!(slot));
  }

  /** It is exported to its end. */
  show(slot: number): void {
    this.#slots.setVisible(slot, SHOWN);
  }

  /** It is never exported, whatever becomes of it. */
  leaveOut(slot: number): void {
    this.#slots.setVisible(slot, LEFT_OUT);
  }
}
