import { formatIPv4, formatIPv6 } from '../common/address.js';
import { HOST_LITTLE_ENDIAN, nanosecondsToMilliseconds } from '../common/u64.js';
import {
  FAMILY,
  HAS_START,
  ORIG_DST,
  ORIG_SPORT_WORD,
  ORIG_SRC,
  PRESENT_WORD,
  PROTOCOL,
  START_NS_WORD,
} from './layout.generated.js';
import { AF_INET6 } from './protocol.js';

/** One end of a socket. */
export interface SocketEnd {
  readonly address: string;
  readonly port: number;
}

interface Own {
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  closedAt: number;
}

/** Closed ones that are remembered, while the kernel may still have their connections. */
const MOST_CLOSED = 8_192;
/** Milliseconds: without start times a closed one is no longer taken for this exporter's after it. */
const FORGOTTEN = 600_000;
/** Milliseconds between a socket's times and those of its connection. */
const TOLERANCE = 2_000;

/** The connections of this process's own sockets to its collectors, as the sockets have them; those of both directions. */
export class OwnConnections {
  readonly #sockets = new Map<string, Own>();
  readonly #closed: string[] = [];
  /** Of the collectors; all others are passed over without a look at their addresses. */
  readonly #ports = new Set<number>();

  /** @returns to be called when the socket is closed */
  opened(protocol: number, local: SocketEnd, remote: SocketEnd): () => void {
    const key = keyOf(protocol, local, remote);
    const own: Own = { openedAt: Date.now(), closedAt: Infinity };
    this.#ports.add(remote.port);
    this.#sockets.set(key, own);
    return () => {
      if (own.closedAt !== Infinity) return;
      own.closedAt = Date.now();
      if (this.#closed.push(key) <= MOST_CLOSED) return;
      const oldest = this.#closed.shift()!;
      if (this.#sockets.get(oldest)?.closedAt !== Infinity) this.#sockets.delete(oldest);
    };
  }

  /** Whether the row at word `from` is one of them; only asked of connections that are not stored. */
  has(u32: Uint32Array, from: number): boolean {
    const ports = u32[from + ORIG_SPORT_WORD];
    const [low, high] = [ports & 0xffff, ports >>> 16];
    if (!this.#ports.has(low) && !this.#ports.has(high)) return false;
    const [sport, dport] = HOST_LITTLE_ENDIAN ? [low, high] : [high, low];
    const bytes = new Uint8Array(u32.buffer, u32.byteOffset + from * 4);
    const format = bytes[FAMILY] === AF_INET6 ? formatIPv6 : formatIPv4;
    const source = { address: format(bytes, ORIG_SRC), port: sport };
    const destination = { address: format(bytes, ORIG_DST), port: dport };
    const protocol = bytes[PROTOCOL];
    // one that conntrack saw first in an answer has its directions the other way round
    const own =
      this.#sockets.get(keyOf(protocol, source, destination)) ??
      this.#sockets.get(keyOf(protocol, destination, source));
    if (!own) return false;
    if ((u32[from + PRESENT_WORD] & HAS_START) === 0) return Date.now() - FORGOTTEN < own.closedAt;
    const start = nanosecondsToMilliseconds(u32[from + START_NS_WORD], u32[from + START_NS_WORD + 1]);
    return start >= own.openedAt - TOLERANCE && start <= own.closedAt + TOLERANCE;
  }
}

function keyOf(protocol: number, local: SocketEnd, remote: SocketEnd): string {
  return `${protocol} ${local.address.replace(/%.*/, '')} ${local.port} ${remote.address.replace(/%.*/, '')} ${remote.port}`;
}
