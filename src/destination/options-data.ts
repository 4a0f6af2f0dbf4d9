import { MESSAGE_HEADER, SET_HEADER } from '../ipfix/message.js';
import {
  FLOW_KEYS_LENGTH,
  flowKeysSet,
  ignoredSet,
  notSentSet,
  optionsTemplateSet,
  samplingSet,
  statisticsSet,
  type ExportStatistics,
  type Ignored,
  type NotSent,
  type OptionsSet,
  type Sampling,
} from '../ipfix/options.js';
import type { Field } from '../ipfix/template.js';

/** What sends the sets. */
export interface OptionsSession {
  /** Bytes of a message at most. */
  readonly limit: number;
  /** One message with these sets, and so many data records of options. */
  sendOptionsSets(sets: readonly Uint8Array[], records: number): void;
  /** Over UDP, a few messages with this set of templates. */
  sendEarlyCopies(templates: Uint8Array): void;
}

/** Options data of one destination, and what the collector of this session has of it (RFC 7011 section 4). */
export class OptionsData {
  readonly templates: Uint8Array;
  readonly #session: OptionsSession;
  readonly #observationDomain: number;
  readonly #sampling: Sampling;
  /** The collector has the templates. */
  #announced = false;
  /** It has what it needs to read flows. */
  #introduced = false;

  constructor(session: OptionsSession, observationDomain: number, sampling: Sampling) {
    this.#session = session;
    this.#observationDomain = observationDomain;
    this.#sampling = sampling;
    this.templates = optionsTemplateSet(sampling);
  }

  get announced(): boolean {
    return this.#announced;
  }

  /** A new session: the collector has nothing. */
  begin(): void {
    this.#announced = false;
    this.#introduced = false;
  }

  /** What a collector needs to know before the first flow. @returns data records that were sent */
  introduce(): number {
    if (this.#introduced || this.#sampling === 'none') return 0;
    this.#introduced = true;
    return this.#send(samplingSet(this.#observationDomain, this.#sampling), this.announce());
  }

  /** @returns the templates where they have not gone out yet, to go in front of the first data */
  announce(): Uint8Array[] {
    if (this.#announced) return [];
    this.#announced = true;
    this.#session.sendEarlyCopies(this.templates);
    return [this.templates];
  }

  /** Templates, and what goes with them, again. */
  refresh(): void {
    if (this.#introduced && this.#sampling !== 'none') {
      this.#send(samplingSet(this.#observationDomain, this.#sampling), [this.templates]);
    } else if (this.#announced) this.#session.sendOptionsSets([this.templates], 0);
  }

  /** @param statistics what went before the message that has them */
  report(
    statistics: () => Omit<ExportStatistics, 'observationDomain'>,
    notSent: NotSent | undefined,
    ignored: Ignored | undefined,
    templates: readonly { id: number; fields: readonly Field[] }[],
  ): void {
    const observationDomain = this.#observationDomain;
    this.introduce();
    const prefix = this.announce();
    this.#send(statisticsSet({ observationDomain, ...statistics() }), prefix);
    if (notSent) this.#send(notSentSet(process.pid, notSent));
    if (ignored) this.#send(ignoredSet(observationDomain, ignored));
    const keysAtOnce = Math.floor((this.#session.limit - MESSAGE_HEADER - SET_HEADER) / FLOW_KEYS_LENGTH);
    for (let from = 0; from < templates.length; from += keysAtOnce) {
      this.#send(flowKeysSet(templates.slice(from, from + keysAtOnce)));
    }
  }

  #send({ set, records }: OptionsSet, prefix: readonly Uint8Array[] = []): number {
    this.#session.sendOptionsSets([...prefix, set], records);
    return records;
  }
}
