import { decodeMessage, malformedMessage, messageFault, type DecodedMessage } from './decode/decode.js';
import type { Limits } from './limits.js';
import { Room } from './room.js';
import { countMalformed, type CollectorStats } from './stats.js';
import { TransportSession } from './transport-session.js';
import type { OnTrouble } from './trouble.js';

/** The sessions of all UDP exporters, distinguished by address and port. UDP has no end of a session. */
export class UdpSessions {
  readonly #stats: CollectorStats;
  readonly #limits: Limits;
  readonly #onTrouble: OnTrouble;
  readonly #sessions = new Map<string, TransportSession>();
  readonly #places: Room<TransportSession>;
  readonly #fields: Room<TransportSession>;

  constructor(stats: CollectorStats, limits: Limits, onTrouble: OnTrouble = () => {}) {
    this.#stats = stats;
    this.#limits = limits;
    this.#onTrouble = onTrouble;
    this.#places = new Room(limits.udpSessions);
    this.#fields = new Room(limits.udpFields);
  }

  /**
   * Decodes a message in the session of its sender.
   * @param peer who is behind the address and port, see {@link peerOf}
   */
  decode(bytes: Uint8Array, from: string, peer = from, now = performance.now()): DecodedMessage {
    const known = this.#sessions.get(from);
    // What is no IPFIX needs no session.
    const malformed = known === undefined ? messageFault(bytes) : undefined;
    if (malformed !== undefined) {
      countMalformed(this.#stats, malformed);
      this.#onTrouble(malformedMessage(from, malformed, bytes));
      return { records: [], malformed };
    }
    const session = known ?? new TransportSession(from, 'udp', this.#stats, this.#limits, this.#onTrouble, peer);
    const message = decodeMessage(bytes, session, now);
    // Whoever sends no template gets no session: such datagrams would push out the sessions of real exporters.
    if (session.fields === 0) {
      if (known !== undefined) this.#forget(session);
    } else {
      if (known === undefined) this.#keep(session, now);
      this.#fields.give(session, session.fields);
      while (this.#fields.overfull && this.#sessions.size > 1) this.#evict(this.#fields.leastUseful(now)!);
    }
    return message;
  }

  /** Removes templates whose lifetime is over, and sessions without a template. */
  expire(now = performance.now()): void {
    for (const session of this.#sessions.values()) {
      session.expire(now);
      if (session.fields === 0) this.#forget(session);
      else this.#fields.give(session, session.fields);
    }
  }

  #keep(session: TransportSession, now: number): void {
    if (this.#places.full) this.#evict(this.#places.leastUseful(now)!);
    this.#sessions.set(session.exporter, session);
    this.#places.give(session, 1);
    this.#stats.sessions++;
  }

  #evict(session: TransportSession): void {
    this.#forget(session);
    this.#stats.evictedSessions++;
    this.#onTrouble({ kind: 'evicted-session', exporter: session.exporter });
  }

  #forget(session: TransportSession): void {
    this.#sessions.delete(session.exporter);
    this.#places.remove(session);
    this.#fields.remove(session);
    this.#stats.sessions--;
  }
}
