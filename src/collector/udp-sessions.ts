import { decodeMessage, malformedMessage, messageFault, type DecodedMessage } from './decode/decode.js';
import type { MessageOrigin } from './decode/record.js';
import { ExporterTable } from './exporter-counts.js';
import type { Limits } from './limits.js';
import { PendingSets } from './decode/pending-sets.js';
import { Room } from './room.js';
import { countMalformed, type CollectorStats } from './stats.js';
import { TransportSession } from './transport-session.js';
import type { OnTrouble } from './trouble.js';

/** The sessions of all exporters over UDP and DTLS, distinguished by address and port. UDP has no end of a session. */
export class UdpSessions {
  readonly #stats: CollectorStats;
  readonly #limits: Limits;
  readonly #onTrouble: OnTrouble;
  readonly #exporters: ExporterTable;
  readonly #pending: PendingSets;
  readonly #sessions = new Map<string, TransportSession>();
  readonly #places: Room<TransportSession>;
  readonly #fields: Room<TransportSession>;

  constructor(
    stats: CollectorStats,
    limits: Limits,
    onTrouble: OnTrouble = () => {},
    exporters = new ExporterTable(limits.exporters),
  ) {
    this.#stats = stats;
    this.#limits = limits;
    this.#onTrouble = onTrouble;
    this.#exporters = exporters;
    this.#pending = new PendingSets(limits.pendingOctets, limits.pendingLifetime);
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
    const session = known ?? this.#open(from, peer);
    const message = decodeMessage(bytes, session, now);
    this.#stats.waitingSets = this.#pending.count;
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

  /** Removes templates whose lifetime is over, sessions without a template, and sets that waited too long for theirs. */
  expire(now = performance.now()): void {
    const counts = this.#count(this.#pending.expire(now));
    for (const [exporter, count] of counts) this.#onTrouble({ kind: 'expired-sets', exporter, count });
    for (const session of this.#sessions.values()) {
      session.expire(now);
      if (session.fields === 0) this.#forget(session);
      else this.#fields.give(session, session.fields);
    }
  }

  #open(from: string, peer: string): TransportSession {
    const shared = { pending: this.#pending, exporters: this.#exporters };
    return new TransportSession(from, 'udp', this.#stats, this.#limits, this.#onTrouble, peer, shared);
  }

  /** Its transport session is over: another one of the same exporter has templates and sequence numbers of its own. */
  end(from: string): void {
    const known = this.#sessions.get(from);
    if (known) this.#forget(known);
  }

  /** No template comes any more. */
  close(): void {
    this.#count(this.#pending.clear());
  }

  /** Sets whose template did not come. @returns how many of each exporter */
  #count(sets: readonly MessageOrigin[]): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { exporter, observationDomain } of sets) {
      this.#stats.undecodableSets++;
      this.#exporters.of(exporter, observationDomain).undecodableSets++;
      counts.set(exporter, (counts.get(exporter) ?? 0) + 1);
    }
    this.#stats.waitingSets = this.#pending.count;
    return counts;
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
