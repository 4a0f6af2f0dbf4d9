import type { Endpoint } from '../../../src/common/endpoint.js';
import { newCounts, type Message, type Transport, type TransportListener } from '../../../src/transport/transport.js';

/** One message as it was sent, and how many data records the sender says it holds. */
export interface SentMessage {
  readonly bytes: Buffer;
  readonly records: number;
}

/** A transport that keeps what it is given. */
export class FakeTransport implements Transport {
  readonly endpoint: Endpoint = { protocol: 'udp', host: '192.0.2.9', port: 4739 };
  readonly counts = newCounts();
  readonly limit: number;
  readonly unreliable: boolean;
  ready = true;
  segments = false;
  sent: SentMessage[] = [];
  /** What the next session finds unsent. */
  left: Message[] = [];
  /** Why it was asked for another session. */
  renewals: string[] = [];

  constructor(limit: number, unreliable: boolean) {
    this.limit = limit;
    this.unreliable = unreliable;
  }

  open(listener: TransportListener): Promise<void> {
    listener.opened();
    return Promise.resolve();
  }

  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void {
    for (let at = 0, message = 0; message < messages; message++) {
      const end = at + lengths[message * 2];
      this.sent.push({ bytes: Buffer.from(bytes.subarray(at, end)), records: lengths[message * 2 + 1] });
      at = end;
    }
  }

  takeBack(): readonly Message[] {
    return this.left.splice(0);
  }

  tryNow(): Promise<void> {
    return Promise.resolve();
  }

  untilReady(): Promise<void> {
    return Promise.resolve();
  }

  renew(why: string): void {
    this.renewals.push(why);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What was sent since the last call. */
  take(): SentMessage[] {
    const sent = this.sent;
    this.sent = [];
    return sent;
  }
}
