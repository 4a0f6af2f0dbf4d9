import { MESSAGE_HEADER, SET_HEADER } from '../ipfix/message.js';
import {
  domainNameSet,
  FLOW_KEYS_LENGTH,
  flowKeysSet,
  ignoredSet,
  INTERFACE_LENGTH,
  interfacesSet,
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
import type { InterfaceNames } from '../ipfix/interfaces.js';
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

export interface OptionsDataOptions {
  observationDomain: number;
  /** What options say of sampling, before the first flow and with each refresh of the templates. */
  sampling: Sampling;
  /** Interfaces whose names go with it, and again when they have changed. */
  interfaceNames?: InterfaceNames | undefined;
  /** What people call the domain; goes with sampling. */
  domainName?: string | undefined;
}

/** Options data of one destination, and what the collector of this session has of it (RFC 7011 section 4). */
export class OptionsData {
  readonly templates: Uint8Array;
  readonly #session: OptionsSession;
  readonly #observationDomain: number;
  readonly #sampling: Sampling;
  readonly #domainName: string | undefined;
  /** The collector has the templates. */
  #announced = false;
  readonly #names: InterfaceNames | undefined;
  /** It has the sampling rate, and the name of the domain. */
  #introduced = false;
  /** The version of the names that it has. */
  #named: number | undefined;

  constructor(
    session: OptionsSession,
    { observationDomain, sampling, interfaceNames, domainName }: OptionsDataOptions,
  ) {
    this.#session = session;
    this.#observationDomain = observationDomain;
    this.#sampling = sampling;
    this.#domainName = domainName;
    this.#names = interfaceNames;
    this.templates = optionsTemplateSet(sampling, interfaceNames !== undefined, domainName !== undefined);
  }

  get announced(): boolean {
    return this.#announced;
  }

  /** A new session: the collector has nothing. */
  begin(): void {
    this.#announced = false;
    this.#introduced = false;
    this.#named = undefined;
  }

  /** What a collector needs to know before the next flow, and does not know yet. @returns data records that were sent */
  introduce(): number {
    let records = 0;
    if (!this.#introduced) {
      if (this.#sampling !== 'none') records += this.#sendSampling(this.announce());
      records += this.#sendDomainName();
    }
    this.#introduced = true;
    if (this.#names && this.#named !== this.#names.version) records += this.#sendNames(this.announce());
    return records;
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
    if (!this.#announced) return;
    if (this.#introduced && this.#sampling !== 'none') this.#sendSampling([this.templates]);
    else this.#session.sendOptionsSets([this.templates], 0);
    if (this.#introduced) this.#sendDomainName();
    if (this.#named !== undefined) this.#sendNames();
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
    this.#sendEach(templates, FLOW_KEYS_LENGTH, flowKeysSet);
  }

  #sendSampling(prefix: readonly Uint8Array[]): number {
    if (this.#sampling === 'none') return 0;
    return this.#send(samplingSet(this.#observationDomain, this.#sampling), prefix);
  }

  #sendDomainName(): number {
    if (this.#domainName === undefined) return 0;
    return this.#send(domainNameSet(this.#observationDomain, this.#domainName), this.announce());
  }

  /** As many messages as it takes. */
  #sendNames(prefix: readonly Uint8Array[] = []): number {
    const { list, version } = this.#names!;
    this.#named = version;
    if (prefix.length > 0) this.#session.sendOptionsSets(prefix, 0);
    return this.#sendEach(list, INTERFACE_LENGTH, interfacesSet);
  }

  /** @param length of the record of one */
  #sendEach<T>(list: readonly T[], length: number, setOf: (some: readonly T[]) => OptionsSet): number {
    const atOnce = Math.max(Math.floor((this.#session.limit - MESSAGE_HEADER - SET_HEADER) / length), 1);
    let records = 0;
    for (let from = 0; from < list.length; from += atOnce)
      records += this.#send(setOf(list.slice(from, from + atOnce)));
    return records;
  }

  #send({ set, records }: OptionsSet, prefix: readonly Uint8Array[] = []): number {
    this.#session.sendOptionsSets([...prefix, set], records);
    return records;
  }
}
