import type { Backend } from '../../src/backend/backend.js';

/** Messages that were given to the socket at once, one after another, and two words of each: bytes, data records. */
export interface Burst {
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
}

/** Keeps copies of the messages that a backend sends over UDP from {@link begin} on. */
export class RecordedMessages {
  readonly bursts: Burst[] = [];
  /** Whose messages are kept. */
  readonly backend: Backend;
  #recording = false;

  constructor(backend: Backend) {
    this.backend = {
      ...backend,
      connectDatagram: async (to, listener) => {
        const socket = await backend.connectDatagram(to, listener);
        const send = socket.send.bind(socket);
        socket.send = (bytes, lengths, messages) => {
          if (this.#recording) this.#keep(bytes, lengths.slice(0, messages * 2));
          send(bytes, lengths, messages);
        };
        return socket;
      },
    };
  }

  begin(): void {
    this.#recording = true;
  }

  #keep(bytes: Uint8Array, lengths: Uint32Array): void {
    let length = 0;
    for (let i = 0; i < lengths.length; i += 2) length += lengths[i];
    this.bursts.push({ bytes: bytes.slice(0, length), lengths });
  }
}
