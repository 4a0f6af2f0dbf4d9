import type { Socket } from 'node:net';
import { errnoOf } from '../common/errors.js';
import { malformedMessage } from './decode/decode.js';
import type { Intake } from './intake.js';
import { MessageFramer } from './message-framer.js';
import type { Occupant } from './room.js';
import { countMalformed, type MalformedReason } from './stats.js';
import type { TransportSession } from './transport-session.js';

/** Octets of a stream that show what it is. */
const BEGINNING = 4;

/** A TCP connection and its transport session. */
export class StreamSession implements Occupant {
  readonly #socket: Socket;
  readonly #session: TransportSession;
  readonly #framer = new MessageFramer();
  readonly #intake: Intake;
  readonly #deliver: (bytes: Uint8Array) => void | Promise<void>;
  /** Whole messages. */
  messages = 0;
  lastMessage = performance.now();
  /** It has ended, in order or not. */
  #over = false;
  /** Since when it could have sent the rest of its message. */
  #since = performance.now();

  /** @param deliver decodes a message and hands its records over */
  constructor(
    socket: Socket,
    session: TransportSession,
    intake: Intake,
    deliver: (bytes: Uint8Array) => void | Promise<void>,
  ) {
    this.#socket = socket;
    this.#session = session;
    this.#intake = intake;
    this.#deliver = deliver;
  }

  get peer(): string {
    return this.#session.peer;
  }

  /** Reads the connection from now on. */
  open(): void {
    const socket = this.#socket;
    socket.on('data', chunk => this.#read(chunk as Buffer));
    socket.on('end', () => {
      this.#ended();
      socket.end();
    });
    socket.on('error', error => this.#broken(error));
    if (this.#intake.busy) socket.pause();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.startTime(performance.now());
    this.#socket.resume();
  }

  /** Its time limits begin again: what it has sent has not been read. */
  startTime(now: number): void {
    this.#since = now;
  }

  /** Makes room for one that is more useful. */
  evict(): void {
    this.#session.stats.evictedSessions++;
    this.#session.onTrouble({ kind: 'evicted-session', exporter: this.#session.exporter });
    this.#close();
  }

  /** Closes it where no message comes, or one not to its end. */
  checkTime(now: number): void {
    const begun = this.#framer.incomplete;
    const { stats, limits, exporter } = this.#session;
    if (this.#socket.isPaused() || this.#socket.destroyed || (!begun && this.messages > 0)) return;
    if (now - this.#since <= (begun ? limits.message : limits.firstMessage)) return;
    stats.timedOutConnections++;
    this.#session.onTrouble({ kind: 'timed-out-connection', exporter, begun });
    this.#close();
  }

  #read(chunk: Uint8Array): void {
    const begun = this.#framer.incomplete;
    const before = this.messages;
    const fault = this.#framer.push(chunk, bytes => {
      this.messages++;
      this.#intake.take({ peer: this.peer, bytes, deliver: this.#deliver });
    });
    const now = performance.now();
    if (this.messages > before) this.lastMessage = now;
    if (this.messages > before || !begun) this.#since = now;
    if (fault === undefined) return;
    this.#fail(fault, begun ? undefined : chunk);
    this.#session.stats.disconnectedSessions++;
    this.#socket.destroy();
  }

  /** It was reset, or TLS cannot be read any more, which Node does not close it for. */
  #broken(error: Error): void {
    const reason = errnoOf(error);
    if (reason.startsWith('ERR_SSL_')) {
      this.#session.stats.disconnectedSessions++;
      this.#session.onTrouble({ kind: 'broken-tls', exporter: this.#session.exporter, reason });
    }
    this.#close();
  }

  #close(): void {
    this.#ended();
    this.#socket.destroy();
  }

  #ended(): void {
    if (!this.#over && this.#framer.incomplete) this.#fail('truncated');
    this.#over = true;
  }

  #fail(reason: MalformedReason, chunk?: Uint8Array): void {
    const { stats, exporter } = this.#session;
    countMalformed(stats, reason);
    const beginning = this.messages === 0 ? chunk?.subarray(0, BEGINNING) : undefined;
    this.#session.onTrouble(malformedMessage(exporter, reason, beginning));
  }
}
