import type { Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { formatEndpoint, type Endpoint } from '../common/endpoint.js';
import { loadBackend } from '../backend/load.js';
import { describeError, type CtflowError } from '../common/errors.js';
import { decodeMessage, type DecodedMessage } from './decode/decode.js';
import { ExporterTable, type ExporterCounts } from './exporter-counts.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import type { Listener } from './listener.js';
import type { CollectedRecord } from './decode/record.js';
import { listenDtls } from './dtls/listener.js';
import { Intake } from './intake.js';
import { openFiles } from './open-files.js';
import { Room } from './room.js';
import { newStats, type CollectorStats } from './stats.js';
import { StreamSession } from './stream-session.js';
import { listenTcp, type OnConnection } from './tcp-listener.js';
import { listenTls } from './tls-listener.js';
import type { CreateDtlsContext } from '../transport/dtls/engine.js';
import type { TlsListenerOptions } from '../transport/tls-options.js';
import { TransportSession } from './transport-session.js';
import type { OnTrouble } from './trouble.js';
import { listenUdp } from './udp-listener.js';
import { UdpSessions } from './udp-sessions.js';

export interface CollectorOptions {
  /** Port 0 lets the system choose one. */
  readonly listen: readonly Endpoint[];
  /** Called for every data record in the order of arrival, options data included. */
  readonly onRecord: (record: CollectedRecord) => void;
  /**
   * Asked after each record. Where it returns a promise, the next record waits for it: meanwhile TCP connections are not
   * read, so that their exporters wait too, and datagrams queue within {@link Limits.queuedOctets}. It must not reject.
   */
  readonly ready?: () => Promise<void> | undefined;
  /**
   * Called with every datagram, and every message of a TCP stream, before it is decoded, well formed or not. The octets are
   * valid during the call.
   * @param from `udp://192.0.2.1:40000`
   */
  readonly onMessage?: (bytes: Uint8Array, from: string) => void;
  /** Called when something happens that an operator should know. There may be many: limit their rate. */
  readonly onTrouble?: OnTrouble;
  /** For endpoints with TLS and DTLS. */
  readonly tls?: TlsListenerOptions;
  /** For endpoints with DTLS; that of the backend that `auto` chooses by default. */
  readonly createDtlsContext?: CreateDtlsContext;
  readonly limits?: Partial<Limits>;
}

/** Turns of the event loop without anything new after which the sockets count as read empty. */
const QUIET_TURNS = 3;
/** Milliseconds that close() reads on at most, while exporters go on sending, and turns that it reads on at least. */
const DRAIN_LIMIT = 1000;
const DRAIN_TURNS = 1000;
/** Milliseconds between looks at whether the last records were taken. */
const POLL_MS = 10;
/** Milliseconds between looks at time limits, at most. */
const CHECK_MS = 5000;
/** Descriptors that TCP connections leave to others. */
const OTHER_FILES = 32;

/** An IPFIX collecting process (RFC 7011 section 9) over UDP, TCP, TLS and DTLS. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #limits: Limits;
  readonly #stats = newStats();
  readonly #exporters: ExporterTable;
  readonly #udpSessions: UdpSessions;
  readonly #streams = new Set<StreamSession>();
  readonly #streamPlaces: Room<StreamSession>;
  readonly #intake: Intake;
  readonly #listeners: Listener[] = [];
  /** Of the message that is being delivered. */
  #recordsLeft = 0;
  /** Sets in front of that message's records that had waited for its templates, and records behind them. */
  #setsLeft = 0;
  #recordsBehind = 0;
  #checked = 0;
  #clock: NodeJS.Timeout | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#exporters = new ExporterTable(this.#limits.exporters);
    this.#udpSessions = new UdpSessions(this.#stats, this.#limits, options.onTrouble, this.#exporters);
    this.#streamPlaces = new Room(Math.min(this.#limits.tcpSessions, Math.max(openFiles() - OTHER_FILES, 1)));
    this.#intake = new Intake(
      this.#limits.queuedOctets,
      () => this.#streams.forEach(stream => stream.pause()),
      () => this.#streams.forEach(stream => stream.resume()),
    );
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
    const { templateLifetime, firstMessage, message } = this.#limits;
    const interval = Math.min(CHECK_MS, templateLifetime / 2, firstMessage / 2, message / 2);
    this.#checked = performance.now();
    this.#clock = setInterval(() => this.#checkTime(interval), interval).unref();
    return this.#listeners.map(({ endpoint }) => endpoint);
  }

  /** What was counted so far. */
  stats(): CollectorStats {
    return { ...this.#stats, malformed: { ...this.#stats.malformed } };
  }

  /** The same of each exporter and observation domain, see {@link Limits.exporters}. */
  exporters(): ExporterCounts[] {
    return this.#exporters.list();
  }

  /**
   * Takes no new connections and half-closes those there are, so that their exporters end them; reads them to the end, for
   * `graceMs` at most, and what has already arrived in any case. Then closes all sockets. What waits for
   * `ready` after that, and after a second at least, is not delivered.
   * @returns connections that were cut off
   */
  async close(graceMs = 0): Promise<number> {
    const deadline = performance.now() + Math.max(graceMs, DRAIN_LIMIT);
    // connections that the kernel has made already are taken over first
    for (let turn = 0; turn < QUIET_TURNS; turn++) await setImmediate();
    const left = graceMs > 0 ? await Promise.all(this.#listeners.map(listener => listener.drain(graceMs))) : [];
    await this.#readEmpty();
    while (this.#intake.busy && performance.now() < deadline) await setTimeout(POLL_MS);
    clearInterval(this.#clock);
    this.#stats.undeliveredMessages += this.#intake.waiting;
    this.#stats.undeliveredRecords += this.#recordsLeft + this.#recordsBehind;
    this.#stats.undecodableSets += this.#setsLeft;
    this.#intake.close();
    this.#udpSessions.close();
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
    const connected: OnConnection = (socket, from, peer) => this.#serve(socket, from, peer);
    const dropped = (): void => void this.#stats.refusedConnections++;
    if (endpoint.protocol === 'tcp') return listenTcp(endpoint, connected, dropped);
    if (endpoint.protocol === 'tls') {
      return listenTls(endpoint, this.#options.tls ?? {}, {
        connected,
        dropped,
        ...this.#tlsHandlers(endpoint),
      });
    }
    if (endpoint.protocol === 'dtls') return this.#listenDtls(endpoint, dropped);
    return listenUdp(endpoint, (...datagram) => this.#take(...datagram));
  }

  async #listenDtls(endpoint: Endpoint, dropped: () => void): Promise<Listener> {
    const create = this.#options.createDtlsContext ?? (await loadBackend('auto')).createDtlsContext;
    return listenDtls(endpoint, this.#options.tls ?? {}, create, this.#limits, {
      message: (...message) => this.#take(...message),
      // behind what waits of it
      ended: (from, peer) =>
        this.#intake.take({ peer, bytes: new Uint8Array(0), deliver: () => this.#udpSessions.end(from) }),
      evicted: exporter => {
        this.#stats.evictedSessions++;
        this.#options.onTrouble?.({ kind: 'evicted-session', exporter });
      },
      stray: exporter => {
        this.#stats.strayDatagrams++;
        this.#options.onTrouble?.({ kind: 'stray-datagram', exporter });
      },
      dropped,
      ...this.#tlsHandlers(endpoint),
    });
  }

  #tlsHandlers(endpoint: Endpoint) {
    return {
      refused: (exporter: string, reason: string): void => {
        this.#stats.refusedHandshakes++;
        this.#options.onTrouble?.({ kind: 'refused-handshake', exporter, reason });
      },
      trouble: (failure: CtflowError): void => {
        const error = describeError(failure);
        this.#options.onTrouble?.({ kind: 'tls-files', exporter: formatEndpoint(endpoint), error });
      },
    };
  }

  #take(bytes: Uint8Array, from: string, peer: string): void {
    const deliver = (): void | Promise<void> => {
      this.#options.onMessage?.(bytes, from);
      return this.#deliverMessage(this.#udpSessions.decode(bytes, from, peer));
    };
    if (this.#intake.offer({ peer, bytes, deliver })) return;
    this.#stats.droppedDatagrams++;
    this.#options.onTrouble?.({ kind: 'dropped-datagram', exporter: from });
  }

  #serve(socket: Socket, from: string, peer: string): void {
    const session = new TransportSession(from, 'tcp', this.#stats, this.#limits, this.#options.onTrouble, peer, {
      exporters: this.#exporters,
    });
    const stream = new StreamSession(socket, session, this.#intake, bytes => {
      this.#options.onMessage?.(bytes, from);
      return this.#deliver(decodeMessage(bytes, session).records);
    });
    this.#streamPlaces.give(stream, 1);
    if (this.#streamPlaces.overfull) {
      const least = this.#streamPlaces.leastUseful()!;
      this.#streamPlaces.remove(least);
      if (least === stream) {
        this.#stats.refusedConnections++;
        this.#options.onTrouble?.({ kind: 'refused-connection', exporter: from });
        socket.destroy();
        return;
      }
      least.evict();
    }
    this.#streams.add(stream);
    this.#stats.sessions++;
    socket.on('close', () => {
      this.#streams.delete(stream);
      this.#streamPlaces.remove(stream);
      this.#stats.sessions--;
    });
    stream.open();
  }

  #checkTime(interval: number): void {
    const now = performance.now();
    const late = now - this.#checked > 2 * interval;
    this.#checked = now;
    if (late) {
      // the process stood still: what came meanwhile has not been read yet
      for (const stream of this.#streams) stream.startTime(now);
      return;
    }
    this.#udpSessions.expire(now);
    for (const listener of this.#listeners) listener.expire?.(now);
    for (const stream of this.#streams) stream.checkTime(now);
  }

  #deliverMessage({ records, waited }: DecodedMessage): void | Promise<void> {
    return waited === undefined ? this.#deliver(records) : this.#deliverWaited(waited, records);
  }

  async #deliverWaited(
    waited: NonNullable<DecodedMessage['waited']>,
    records: DecodedMessage['records'],
  ): Promise<void> {
    this.#recordsBehind = records.length;
    for (this.#setsLeft = waited.length; this.#setsLeft > 0;) {
      const wait = this.#deliver(waited[waited.length - this.#setsLeft--]());
      if (wait !== undefined) await wait;
      if (this.#intake.closed) return;
    }
    this.#recordsBehind = 0;
    await this.#deliver(records);
  }

  #deliver(records: readonly CollectedRecord[]): void | Promise<void> {
    for (let i = 0; i < records.length; i++) {
      this.#options.onRecord(records[i]);
      const wait = this.#options.ready?.();
      if (wait !== undefined) return this.#deliverRest(records, i + 1, wait);
    }
  }

  async #deliverRest(records: readonly CollectedRecord[], from: number, wait: Promise<void>): Promise<void> {
    this.#recordsLeft = records.length - from;
    await wait;
    while (this.#recordsLeft > 0 && !this.#intake.closed) {
      this.#options.onRecord(records[records.length - this.#recordsLeft--]);
      const more = this.#options.ready?.();
      if (more !== undefined) await more;
    }
  }
}
