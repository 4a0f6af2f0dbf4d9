import { decodeMessage, messageFault, type DecodedMessage } from './decode.js';
import type { Limits } from './limits.js';
import { RecentMap } from './recent-map.js';
import { countMalformed, type CollectorStats } from './stats.js';
import { TransportSession } from './transport-session.js';

/** The sessions of all UDP exporters, distinguished by address and port. UDP has no end of a session. */
export class UdpSessions {
  readonly #stats: CollectorStats;
  readonly #limits: Limits;
  readonly #sessions = new RecentMap<string, TransportSession>();
  #fields = 0;

  constructor(stats: CollectorStats, limits: Limits) {
    this.#stats = stats;
    this.#limits = limits;
  }

  /** Decodes a message in the session of its sender. */
  decode(bytes: Uint8Array, from: string): DecodedMessage {
    // What is no IPFIX gets no session, or garbage would push out the sessions of real exporters.
    const malformed = messageFault(bytes);
    if (malformed !== undefined) {
      countMalformed(this.#stats, malformed);
      return { records: [], malformed };
    }
    const session = this.#session(from);
    const before = session.fields;
    const message = decodeMessage(bytes, session);
    this.#fields += session.fields - before;
    while (this.#fields > this.#limits.udpFields && this.#sessions.size > 1) this.#evict();
    return message;
  }

  #session(from: string): TransportSession {
    let session = this.#sessions.get(from);
    if (session === undefined) {
      if (this.#sessions.size >= this.#limits.udpSessions) this.#evict();
      session = new TransportSession(from, 'udp', this.#stats, this.#limits);
      this.#sessions.set(from, session);
      this.#stats.sessions++;
    }
    return session;
  }

  #evict(): void {
    this.#fields -= this.#sessions.evict()?.fields ?? 0;
    this.#stats.sessions--;
    this.#stats.evictedSessions++;
  }
}
