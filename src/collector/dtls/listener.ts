import type { RemoteInfo, Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatHostPort, type Endpoint } from '../../common/endpoint.js';
import { HELD_UP_MS, UNANSWERED_FLIGHTS } from '../../transport/dtls/connection.js';
import { DtlsContexts, peerHasName } from '../../transport/dtls/contexts.js';
import {
  isClientHello,
  UNKNOWN_SESSION,
  type CreateDtlsContext,
  type DtlsContext,
  type DtlsSession,
} from '../../transport/dtls/engine.js';
import { headersOf } from '../../transport/packet.js';
import { NOT_ALLOWED } from '../../transport/tls-client.js';
import type { TlsListenerOptions } from '../../transport/tls-options.js';
import type { Limits } from '../limits.js';
import { peerAddress, peerOf, type Listener } from '../listener.js';
import { Room, type Occupant } from '../room.js';
import { listenerFiles, type TlsListenerHandlers } from '../tls-listener.js';
import { bindUdp, type OnDatagram } from '../udp-listener.js';

/** Handshakes under way; one more ends the oldest. */
const HANDSHAKES = 64;
/** Between two looks at the files. */
const LOOK_MS = 1_000;
/** Octets of a packet of the handshake: each path of IPv6 carries it, and nearly each of IPv4. */
const PACKET = 1_280;
/** Exporters have so long to answer the end of their sessions; one that is gone never does. */
const DRAIN_MS = 1_000;
const POLL_MS = 5;
/** As Node says it of TLS. */
const TIMED_OUT = 'ERR_TLS_HANDSHAKE_TIMEOUT';

export interface DtlsListenerHandlers extends Omit<TlsListenerHandlers, 'connected'> {
  message: OnDatagram;
  /** The session is over, or another one of the same exporter has begun. */
  ended(from: string, peer: string): void;
  /** The session was closed for one that is more useful. */
  evicted(from: string): void;
  /** A datagram of a session that is not known. */
  stray(from: string): void;
}

class Client implements Occupant {
  readonly from: string;
  readonly peer: string;
  readonly session: DtlsSession;
  readonly address: string;
  readonly port: number;
  messages = 0;
  lastMessage = performance.now();
  /** Of the handshake. */
  timer: NodeJS.Timeout | undefined;
  due = 0;
  unanswered = 0;

  constructor(from: string, { address, port }: RemoteInfo, session: DtlsSession) {
    this.from = from;
    this.peer = peerOf(address);
    this.session = session;
    this.address = address;
    this.port = port;
  }
}

/**
 * DTLS 1.2. With authorities an exporter must have a certificate of theirs; without them it needs none.
 * @throws CtflowError CTFLOW_ADDRESS, CTFLOW_TLS, CTFLOW_USAGE, CTFLOW_BACKEND_LACKS
 */
export async function listenDtls(
  endpoint: Endpoint,
  options: TlsListenerOptions,
  create: CreateDtlsContext,
  limits: Limits,
  handlers: DtlsListenerHandlers,
): Promise<Listener> {
  const contexts = new DtlsContexts(listenerFiles(endpoint, options), create, error => handlers.trouble(error));
  const socket = await bindUdp(endpoint);
  return new DtlsListener(endpoint, socket, options, contexts, limits, handlers);
}

class DtlsListener implements Listener {
  readonly endpoint: Endpoint;
  activity = 0;
  readonly #socket: Socket;
  readonly #allowed: readonly string[] | undefined;
  readonly #verify: boolean;
  readonly #contexts: DtlsContexts;
  readonly #limits: Limits;
  readonly #handlers: DtlsListenerHandlers;
  readonly #headers: number;
  #context: DtlsContext;
  #lookedAt = performance.now();
  /** Of whoever comes next and shows that he is where he says he is: until then nothing is kept of him. */
  #next: DtlsSession;
  readonly #handshakes = new Map<string, Client>();
  readonly #clients = new Map<string, Client>();
  readonly #places: Room<Client>;
  #draining = false;

  constructor(
    endpoint: Endpoint,
    socket: Socket,
    { tlsPeerName, tlsCa }: TlsListenerOptions,
    contexts: DtlsContexts,
    limits: Limits,
    handlers: DtlsListenerHandlers,
  ) {
    const { port, family } = socket.address();
    this.endpoint = { ...endpoint, port };
    this.#socket = socket;
    this.#allowed = tlsPeerName;
    this.#verify = tlsCa !== undefined;
    this.#contexts = contexts;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#headers = headersOf(family === 'IPv6' ? 6 : 4);
    this.#places = new Room(limits.dtlsSessions);
    this.#context = contexts.read();
    this.#next = this.#newSession();
    socket.on('message', (datagram, origin) => this.#receive(datagram, origin));
  }

  /** An exporter that is gone answers nothing, and has left nothing behind: nobody is waited for long, or counted. */
  async drain(graceMs: number): Promise<number> {
    this.#draining = true;
    this.#giveUp();
    for (const client of this.#clients.values()) {
      client.session.close();
      this.#flush(client.session, client);
    }
    const deadline = performance.now() + Math.min(graceMs, DRAIN_MS);
    while (this.#clients.size > 0 && performance.now() < deadline) await sleep(POLL_MS);
    return 0;
  }

  expire(now: number): void {
    for (const client of this.#clients.values())
      if (now - client.lastMessage > this.#limits.templateLifetime) this.#close(client);
  }

  async close(): Promise<void> {
    this.#giveUp();
    for (const client of this.#clients.values()) this.#close(client);
    await new Promise<void>(resolve => this.#socket.close(resolve));
  }

  #receive(datagram: Uint8Array, origin: RemoteInfo): void {
    this.activity++;
    const from = `dtls://${formatHostPort(peerAddress(origin.address), origin.port)}`;
    const known = this.#handshakes.get(from);
    if (known) this.#step(known, known.session.receive(datagram, from));
    else if (isClientHello(datagram)) this.#greet(datagram, from, origin);
    else this.#read(datagram, from, origin);
  }

  /** RFC 6347 section 4.2.1; also where a session is known: its exporter may have been started again (section 4.2.8). */
  #greet(datagram: Uint8Array, from: string, origin: RemoteInfo): void {
    if (this.#draining) return;
    this.#lookAtFiles();
    const session = this.#next;
    const messages = session.receive(datagram, from);
    if (session.state === 'listening') {
      this.#flush(session, origin);
      return;
    }
    this.#next = this.#newSession();
    const client = new Client(from, origin, session);
    this.#handshakes.set(from, client);
    if (this.#handshakes.size > HANDSHAKES) {
      const [oldest] = this.#handshakes.values();
      this.#leaveHandshake(oldest);
      this.#handlers.dropped();
    }
    this.#step(client, messages);
  }

  /** The handshake has gone on. */
  #step(client: Client, messages: readonly Uint8Array[]): void {
    const { session, from } = client;
    this.#flush(session, client);
    clearTimeout(client.timer);
    if (session.state === 'handshake') {
      client.due = performance.now() + (session.timeout() ?? 0);
      client.timer = setTimeout(() => this.#repeat(client), session.timeout() ?? 0);
      return;
    }
    this.#leaveHandshake(client);
    if (session.state !== 'open') {
      this.#handlers.refused(from, session.reason);
      return;
    }
    if (this.#allowed && !peerHasName(session, this.#allowed)) {
      session.close();
      this.#flush(session, client);
      this.#handlers.refused(from, NOT_ALLOWED);
      return;
    }
    this.#admit(client);
    this.#deliver(client, messages);
  }

  #repeat(client: Client): void {
    client.session.handleTimeout();
    if (performance.now() - client.due < HELD_UP_MS) client.unanswered++;
    if (client.unanswered < UNANSWERED_FLIGHTS) {
      this.#step(client, []);
      return;
    }
    this.#leaveHandshake(client);
    this.#handlers.refused(client.from, TIMED_OUT);
  }

  #admit(client: Client): void {
    const before = this.#clients.get(client.from);
    if (before) this.#forget(before);
    this.#clients.set(client.from, client);
    this.#places.give(client, 1);
    if (!this.#places.overfull) return;
    const least = this.#places.leastUseful()!;
    this.#close(least);
    this.#handlers.evicted(least.from);
  }

  #read(datagram: Uint8Array, from: string, origin: RemoteInfo): void {
    const client = this.#clients.get(from);
    if (!client) {
      this.#handlers.stray(from);
      if (datagram.length > UNKNOWN_SESSION.length) this.#send(UNKNOWN_SESSION, origin);
      return;
    }
    const { session } = client;
    this.#deliver(client, session.receive(datagram, from));
    this.#flush(session, client);
    if (session.state !== 'open') this.#close(client);
  }

  #deliver(client: Client, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      client.messages++;
      client.lastMessage = performance.now();
      this.#handlers.message(message, client.from, client.peer);
    }
  }

  /** Ends its session, or answers its end. */
  #close(client: Client): void {
    client.session.close();
    this.#flush(client.session, client);
    this.#forget(client);
  }

  #forget(client: Client): void {
    this.#clients.delete(client.from);
    this.#places.remove(client);
    this.#handlers.ended(client.from, client.peer);
  }

  #leaveHandshake(client: Client): void {
    clearTimeout(client.timer);
    this.#handshakes.delete(client.from);
  }

  #giveUp(): void {
    for (const client of this.#handshakes.values()) this.#leaveHandshake(client);
  }

  #newSession(): DtlsSession {
    return this.#context.server(this.#verify, PACKET, this.#headers);
  }

  #lookAtFiles(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const context = this.#contexts.read();
    if (context === this.#context) return;
    this.#context = context;
    this.#next = this.#newSession();
  }

  #flush(session: DtlsSession, to: { address: string; port: number }): void {
    for (const datagram of session.takeDatagrams()) this.#send(datagram, to);
  }

  #send(datagram: Uint8Array, { address, port }: { address: string; port: number }): void {
    // what is lost is repeated
    this.#socket.send(datagram, port, address, () => {});
  }
}
