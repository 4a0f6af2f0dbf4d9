import { addCounts } from '../../common/add-counts.js';
import { newCounts, type Transport, type TransportCounts } from '../../transport/transport.js';
import { messagesOfFile, type FileDamage } from './messages-of-file.js';
import { RawSets, type UnreadCounts } from './raw-sets.js';
import { RawTemplate } from './raw-template.js';
import { SendSession, throwIfStopped, type SendSessionOptions } from './send-session.js';

export interface FileSenderOptions extends Omit<SendSessionOptions, 'transport'> {
  /** Makes the transport of a session. */
  readonly createTransport: () => Transport;
}

/** What became of the records of files. */
export interface SendCounts extends UnreadCounts {
  /** Messages read. */
  messages: number;
  /** Data records read, options data included. */
  records: number;
  /** Records that no message can hold, as an MTU is too small for them or for their template. */
  oversizeRecords: number;
  readonly transport: TransportCounts;
}

/**
 * Sends the records of IPFIX Files in a session of its own. Another one begins where a template id gets another meaning: the ids stand
 * in records too (flow keys, lists of RFC 6313), so they cannot be changed.
 */
export class FileSender {
  readonly #options: FileSenderOptions;
  readonly #read = { messages: 0, records: 0, malformedMessages: 0, undecodableSets: 0, refusedTemplates: 0 };
  /** Of sessions that are over. */
  #oversize = 0;
  #transport = newCounts();
  #session: SendSession | undefined;

  constructor(options: FileSenderOptions) {
    this.#options = options;
  }

  counts(): SendCounts {
    return {
      ...this.#read,
      oversizeRecords: this.#oversize + (this.#session?.oversize ?? 0),
      transport: this.#sum(),
    };
  }

  /**
   * Sends one file.
   * @returns where the file is damaged, undefined where all of it was read
   * @throws CtflowError CTFLOW_IPFIX where it cannot be read; CTFLOW_TRANSPORT where nothing was taken for too long; CTFLOW_UNEXPORTED
   * where it was stopped
   */
  async send(path: string): Promise<FileDamage | undefined> {
    const sets = new RawSets(this.#read);
    const { signal } = this.#options;
    const messages = messagesOfFile(path, signal);
    try {
      for (;;) {
        const { done, value } = await messages.next();
        throwIfStopped(signal);
        if (done) return value;
        for (const bytes of value) await this.#message(bytes, sets);
      }
    } finally {
      await messages.return(undefined);
    }
  }

  /** Sends what waits, and ends the session. */
  async close(): Promise<void> {
    await this.#session?.close();
  }

  async #message(bytes: Uint8Array, sets: RawSets): Promise<void> {
    const message = sets.read(bytes);
    if (message === undefined) return;
    this.#read.messages++;
    const { observationDomain, exportTime, parts } = message;
    for (const part of parts) {
      const template = part instanceof RawTemplate ? part : part.template;
      const session = await this.#sessionFor(observationDomain, template, sets);
      if (part instanceof RawTemplate) continue;
      this.#read.records += part.bounds.length - 1;
      await session.send(observationDomain, exportTime, part);
    }
  }

  /** A session where the template has its meaning. */
  async #sessionFor(domain: number, template: RawTemplate, sets: RawSets): Promise<SendSession> {
    let session = this.#session;
    if (session === undefined || session.conflicts(domain, template)) {
      await session?.close();
      this.#oversize += session?.oversize ?? 0;
      this.#transport = this.#sum();
      const { createTransport, ...options } = this.#options;
      session = new SendSession({ ...options, transport: createTransport() });
      this.#session = session;
      session.define(domain, template);
      for (const [other, known] of sets.templates()) session.define(other, known);
      await session.open();
    } else session.define(domain, template);
    return session;
  }

  #sum(): TransportCounts {
    return addCounts(this.#transport, this.#session?.transport.counts)!;
  }
}
