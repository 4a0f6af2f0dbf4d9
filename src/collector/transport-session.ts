import { ExporterTable } from './exporter-counts.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import type { PendingSets } from './decode/pending-sets.js';
import { Room, type Occupant } from './room.js';
import { SequenceTracker } from './sequence.js';
import { newStats, type CollectorStats } from './stats.js';
import { TemplateTable } from './decode/template-table.js';
import type { OnTrouble } from './trouble.js';

/** What a collector keeps of one observation domain within a session. */
export class ObservationDomain implements Occupant {
  readonly id: number;
  readonly peer = '';
  messages = 0;
  lastMessage = 0;
  templates = new TemplateTable();
  readonly sequence = new SequenceTracker();

  constructor(id: number) {
    this.id = id;
  }
}

/**
 * A transport session (RFC 7011 section 2): the scope of template ids and sequence numbers, divided by observation domain.
 */
export class TransportSession implements Occupant {
  /** Where the messages come from: `udp://192.0.2.1:40000`. */
  readonly exporter: string;
  readonly protocol: 'udp' | 'tcp';
  readonly peer: string;
  messages = 0;
  lastMessage = performance.now();
  /** Counted here; sessions of one collector share it. */
  readonly stats: CollectorStats;
  readonly limits: Limits;
  readonly onTrouble: OnTrouble;
  /** Where data sets wait for their template; without it they do not. */
  readonly pending: PendingSets | undefined;
  readonly exporters: ExporterTable;
  /** Fields of all the templates. */
  fields = 0;
  readonly #domains = new Map<number, ObservationDomain>();
  readonly #room: Room<ObservationDomain>;

  constructor(
    exporter: string,
    protocol: 'udp' | 'tcp',
    stats = newStats(),
    limits = DEFAULT_LIMITS,
    onTrouble: OnTrouble = () => {},
    peer = exporter,
    { pending, exporters }: { pending?: PendingSets; exporters?: ExporterTable } = {},
  ) {
    this.exporter = exporter;
    this.protocol = protocol;
    this.stats = stats;
    this.limits = limits;
    this.onTrouble = onTrouble;
    this.peer = peer;
    this.pending = pending;
    this.exporters = exporters ?? new ExporterTable(limits.exporters);
    this.#room = new Room(limits.domains);
  }

  /** The state of a domain; a new one where it is not known, which {@link keep} makes known. */
  domain(id: number): ObservationDomain {
    return this.#domains.get(id) ?? new ObservationDomain(id);
  }

  /**
   * A domain from which something was read. Without a template there is nothing to keep: domains that somebody invents
   * push out none that are real.
   */
  keep(domain: ObservationDomain, now: number): void {
    domain.messages++;
    domain.lastMessage = now;
    this.messages++;
    this.lastMessage = now;
    if (domain.templates.fields === 0 || this.#domains.has(domain.id)) return;
    if (this.#room.full) {
      const least = this.#room.leastUseful(now)!;
      this.fields -= least.templates.fields;
      this.#forget(least);
      this.stats.evictedDomains++;
    }
    this.#domains.set(domain.id, domain);
    this.#room.give(domain, 1);
  }

  /** Removes the templates whose lifetime is over; over UDP alone they have one. */
  expire(now: number): void {
    if (this.protocol === 'tcp') return;
    let count = 0;
    for (const domain of this.#domains.values()) {
      const before = domain.templates.fields;
      count += domain.templates.expire(now - this.limits.templateLifetime);
      this.fields -= before - domain.templates.fields;
      if (domain.templates.fields === 0) this.#forget(domain);
    }
    if (count === 0) return;
    this.stats.expiredTemplates += count;
    this.onTrouble({ kind: 'expired-templates', exporter: this.exporter, count });
  }

  #forget(domain: ObservationDomain): void {
    this.#domains.delete(domain.id);
    this.#room.remove(domain);
  }
}
