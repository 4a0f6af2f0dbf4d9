import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { RecentMap } from './recent-map.js';
import { SequenceTracker } from './sequence.js';
import { newStats, type CollectorStats } from './stats.js';
import { TemplateTable } from './template-table.js';

/** What a collector keeps of one observation domain within a session. */
export interface ObservationDomain {
  templates: TemplateTable;
  readonly sequence: SequenceTracker;
}

/**
 * A transport session (RFC 7011 section 2): the scope of template ids and sequence numbers, divided by observation domain.
 */
export class TransportSession {
  /** Where the messages come from: `udp://192.0.2.1:40000`. */
  readonly exporter: string;
  readonly protocol: 'udp' | 'tcp';
  /** Counted here; sessions of one collector share it. */
  readonly stats: CollectorStats;
  readonly limits: Limits;
  /** Fields of all the templates. */
  fields = 0;
  readonly #domains = new RecentMap<number, ObservationDomain>();

  constructor(exporter: string, protocol: 'udp' | 'tcp', stats = newStats(), limits = DEFAULT_LIMITS) {
    this.exporter = exporter;
    this.protocol = protocol;
    this.stats = stats;
    this.limits = limits;
  }

  /** The state of a domain, new where it was not known. */
  domain(id: number): ObservationDomain {
    let domain = this.#domains.get(id);
    if (domain === undefined) {
      if (this.#domains.size >= this.limits.domains) {
        this.fields -= this.#domains.evict()?.templates.fields ?? 0;
        this.stats.evictedDomains++;
      }
      domain = { templates: new TemplateTable(), sequence: new SequenceTracker() };
      this.#domains.set(id, domain);
    }
    return domain;
  }
}
