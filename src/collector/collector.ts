import { setImmediate } from 'node:timers/promises';
import type { Endpoint } from '../common/endpoint.js';
import { decodeMessage } from './decode.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import type { Listener } from './listener.js';
import type { CollectedRecord } from './record.js';
import { countMalformed, newStats, type CollectorStats } from './stats.js';
import { listenTcp, type StreamSession } from './tcp-listener.js';
import { TransportSession } from './transport-session.js';
import { listenUdp } from './udp-listener.js';
import { UdpSessions } from './udp-sessions.js';

export interface CollectorOptions {
  /** Port 0 lets the system choose one. */
  readonly listen: readonly Endpoint[];
  /** Called for every data record in the order of arrival, options data included. */
  readonly onRecord: (record: CollectedRecord) => void;
  /**
   * Called with every datagram, and every message of a TCP stream, before it is decoded, well formed or not. The octets are
   * valid during the call.
   * @param from `udp://192.0.2.1:40000`
   */
  readonly onMessage?: (bytes: Uint8Array, from: string) => void;
  readonly limits?: Partial<Limits>;
}

/** Turns of the event loop without anything new after which the sockets count as read empty. */
const QUIET_TURNS = 3;
/** Milliseconds that close() reads on at most, while exporters go on sending, and turns that it reads on at least. */
const DRAIN_LIMIT = 1000;
const DRAIN_TURNS = 1000;

/** An IPFIX collecting process (RFC 7011 section 9) over UDP and TCP. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #limits: Limits;
  readonly #stats = newStats();
  readonly #udpSessions: UdpSessions;
  readonly #listeners: Listener[] = [];

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#udpSessions = new UdpSessions(this.#stats, this.#limits);
  }

  /**
   * Opens all sockets, or none.
   * @returns where it listens, with the ports that the system chose
   * @throws CtflowError CTFLOW_ADDRESS
   */
  async open(): Promise<Endpoint[]> {
    try {
      for (const endpoint of this.#options.listen) this.#listeners.push(await this.#listen(endpoint));
    } catch (error) {
      await this.#closeListeners();
      throw error;
    }
    return this.#listeners.map(({ endpoint }) => endpoint);
  }

  /** What was counted so far. */
  stats(): CollectorStats {
    return { ...this.#stats, malformed: { ...this.#stats.malformed } };
  }

  /**
   * Takes no new connections and half-closes those there are, so that their exporters end them; reads them to the end, for
   * `graceMs` at most, and what has already arrived in any case. Then closes all sockets.
   * @returns connections that were cut off
   */
  async close(graceMs = 0): Promise<number> {
    // connections that the kernel has made already are taken over first
    for (let turn = 0; turn < QUIET_TURNS; turn++) await setImmediate();
    const left = graceMs > 0 ? await Promise.all(this.#listeners.map(listener => listener.drain(graceMs))) : [];
    await this.#readEmpty();
    await this.#closeListeners();
    return left.reduce((sum, count) => sum + count, 0);
  }

  async #readEmpty(): Promise<void> {
    const deadline = performance.now() + DRAIN_LIMIT;
    const activity = () => this.#listeners.reduce((sum, listener) => sum + listener.activity, 0);
    let quiet = 0;
    // one that was held up beyond the limit has not read yet what arrived before
    const readsOn = (turn: number): boolean => turn < DRAIN_TURNS || performance.now() < deadline;
    for (let turn = 0, last = activity(); quiet < QUIET_TURNS && readsOn(turn); turn++) {
      await setImmediate();
      const now = activity();
      quiet = now === last ? quiet + 1 : 0;
      last = now;
    }
  }

  async #closeListeners(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map(listener => listener.close()));
  }

  #listen(endpoint: Endpoint): Promise<Listener> {
    if (endpoint.protocol === 'udp') {
      return listenUdp(endpoint, (bytes, from) => {
        this.#options.onMessage?.(bytes, from);
        this.#deliver(this.#udpSessions.decode(bytes, from).records);
      });
    }
    return listenTcp(endpoint, this.#limits.tcpSessions, {
      onConnection: from => this.#serveStream(from),
      onRefused: () => this.#stats.refusedConnections++,
    });
  }

  #serveStream(from: string): StreamSession {
    const session = new TransportSession(from, 'tcp', this.#stats, this.#limits);
    this.#stats.sessions++;
    return {
      onMessage: bytes => {
        this.#options.onMessage?.(bytes, from);
        this.#deliver(decodeMessage(bytes, session).records);
      },
      onFault: reason => {
        countMalformed(this.#stats, reason);
        if (reason !== 'truncated') this.#stats.disconnectedSessions++;
      },
      onClose: () => this.#stats.sessions--,
    };
  }

  #deliver(records: readonly CollectedRecord[]): void {
    for (const record of records) this.#options.onRecord(record);
  }
}
