import type { RouteLookup as Binding } from '../../native/binding.js';
import { native } from '../common/native-error.js';
import type { RouteCounts, RouteLookup } from './source.js';

/** {@link RouteLookup} by rtnetlink (RTM_GETROUTE), in Rust. */
export class NetlinkRoutes implements RouteLookup {
  readonly #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  look(rows: Uint8Array, slots: Uint32Array, reasons: Uint8Array, count: number, out: Uint32Array): void {
    native(() => this.#binding.look(rows, slots, reasons, count, out));
  }

  counts(): RouteCounts {
    return this.#binding.counts();
  }

  close(): void {
    this.#binding.close();
  }
}
