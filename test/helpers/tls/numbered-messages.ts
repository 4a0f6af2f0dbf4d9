import type { Transport } from '../../../src/transport/transport.js';
import type { TransportLog } from '../fakes/transport-log.js';
import type { Scope } from '../kernel/scope.js';

/** Messages of one record and one size with a number each, sent as fast as the transport takes them. */
export class NumberedMessages {
  sent = 0;
  readonly #size: number;
  readonly #timer: NodeJS.Timeout;

  private constructor(transport: Transport, size: number) {
    this.#size = size;
    this.#timer = setInterval(() => {
      for (let i = 0; i < 5 && transport.ready; i++) send(transport, this.text(++this.sent));
    }, 1);
  }

  /** Opens the transport. As with a session, what an earlier connection has not sent goes first. */
  static async begin(t: Scope, transport: Transport, log: TransportLog, size: number): Promise<NumberedMessages> {
    log.opened = () => {
      for (const { bytes } of transport.takeBack()) send(transport, bytes);
      log.events.push('opened');
    };
    await transport.open(log);
    const numbered = new NumberedMessages(transport, size);
    t.teardown(() => numbered.stop());
    return numbered;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  text(number: number): Buffer {
    return Buffer.from(`<${number}>`.padEnd(this.#size, '.'));
  }
}

/** Numbers of the messages in what a collector has received. */
export function numbersIn(received: Buffer): number[] {
  return Array.from(received.toString('latin1').matchAll(/<(\d+)>/g), ([, number]) => Number(number));
}

function send(transport: Transport, bytes: Uint8Array): void {
  transport.send(bytes, Uint32Array.of(bytes.length, 1), 1);
}
