import type { OwnerLookup as Binding } from '../../native/binding.js';
import { native, nativeError } from '../common/native-error.js';
import type { LookedOwners, OwnerCounts, SocketOwners } from './source.js';

/** {@link SocketOwners} by SOCK_DIAG, in Rust. */
export class NetlinkOwners implements SocketOwners {
  readonly #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  async look(rows: Uint8Array, slots: Uint32Array): Promise<LookedOwners> {
    try {
      return await this.#binding.look(rows, slots);
    } catch (error) {
      throw nativeError(error);
    }
  }

  counts(): OwnerCounts {
    return native(() => this.#binding.counts());
  }
}
