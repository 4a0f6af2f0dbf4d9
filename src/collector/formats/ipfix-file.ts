import { Buffer } from 'node:buffer';
import { TWO_32, U16_MAX, U32_MAX } from '../../common/unsigned.js';
import { parseAddress } from '../../common/prefix.js';
import { IANA, type Element } from '../../ipfix/element.js';
import {
  IPFIX_VERSION,
  LARGEST_MESSAGE,
  MESSAGE_HEADER,
  OPTIONS_TEMPLATE_SET,
  SET_HEADER,
  TEMPLATE_SET,
} from '../../ipfix/message.js';
import { elementByName } from '../../ipfix/registry.js';
import type { CollectedRecord } from '../decode/record.js';
import { Template } from '../decode/template.js';

/** Observation domains whose templates are remembered; of more, those without records for the longest are withdrawn. */
const MAX_DOMAINS = 4096;

/** Says who sent the records of a domain (RFC 7119), where the address is known. */
const ORIGIN_ID = U16_MAX;
const ORIGIN_4 = originTemplate('originalExporterIPv4Address', 4);
const ORIGIN_6 = originTemplate('originalExporterIPv6Address', 16);

function originTemplate(address: string, length: number): Template {
  const elements = ['observationDomainId', 'originalObservationDomainId', address].map(elementByName);
  return new Template(ORIGIN_ID, true, 1, elements, [4, 4, length]);
}

/** An observation domain of the file. */
interface FileDomain {
  readonly id: number;
  readonly key: string;
  /** What a reader of the file knows. */
  readonly templates: Map<number, Template>;
  /** Data records so far. */
  sequence: number;
}

/**
 * Records of any number of exporters as one IPFIX File (RFC 5655), which is one transport session: octets of records as
 * they came, each template in front of its first record, sequence numbers of the file itself.
 *
 * Exporters that use the same observation domain would mix their templates. So the first has its number, and others get
 * one that is free; options records say which exporter and domain each stands for. A template that changes is withdrawn
 * first.
 */
export class IpfixFile {
  readonly #write: (message: Uint8Array) => void;
  readonly #domains = new Map<string, FileDomain>();
  readonly #numbers = new Set<number>();
  readonly #buffer = new Uint8Array(LARGEST_MESSAGE);
  readonly #view = new DataView(this.#buffer.buffer);
  /** Octets of the open message. */
  #length = 0;
  #domain: FileDomain | undefined;
  #exportTime = 0;
  /** Data records of the open message. */
  #records = 0;
  #setId = 0;
  #setStart = 0;

  /** @param write takes a whole message, and may keep it */
  constructor(write: (message: Uint8Array) => void) {
    this.#write = write;
  }

  /** Adds a record to the open message, which is written when it is full, or when the next record cannot be in it. */
  add(record: CollectedRecord): void {
    const domain = this.#domainOf(record);
    for (const [id, template] of record.listTemplates) {
      if (template) this.#define(domain, template, record.exportTime);
      else this.#undefine(domain, id, record.exportTime);
    }
    this.#define(domain, record.template, record.exportTime);
    this.#append(domain, record.exportTime, record.templateId, record.octets);
    this.#records++;
  }

  /** Writes the open message. */
  flush(): void {
    if (this.#domain !== undefined && this.#length > MESSAGE_HEADER) {
      this.#closeSet();
      this.#view.setUint16(0, IPFIX_VERSION);
      this.#view.setUint16(2, this.#length);
      this.#view.setUint32(4, this.#exportTime);
      this.#view.setUint32(8, this.#domain.sequence);
      this.#view.setUint32(12, this.#domain.id);
      this.#write(this.#buffer.slice(0, this.#length));
      this.#domain.sequence = (this.#domain.sequence + this.#records) % TWO_32;
    }
    this.#domain = undefined;
  }

  #domainOf({ exporter, observationDomain, exportTime }: CollectedRecord): FileDomain {
    // the port is another one after each restart of the exporter
    const host = exporter.replace(/^\w+:\/\/|:\d+$/g, '');
    const key = `${host} ${observationDomain}`;
    let domain = this.#domains.get(key);
    if (domain !== undefined) {
      if (domain !== this.#domain) this.#domains.delete(key);
      this.#domains.set(key, domain); // the last one
      return domain;
    }
    if (this.#domains.size >= MAX_DOMAINS) this.#forget(this.#domains.values().next().value!, exportTime);
    domain = { id: this.#freeNumber(observationDomain), key, templates: new Map(), sequence: 0 };
    this.#domains.set(key, domain);
    this.#numbers.add(domain.id);
    this.#writeOrigin(domain, host, observationDomain, exportTime);
    return domain;
  }

  #freeNumber(wanted: number): number {
    let number = wanted;
    while (this.#numbers.has(number)) number = number === U32_MAX ? 0 : number + 1;
    return number;
  }

  #writeOrigin(domain: FileDomain, host: string, original: number, exportTime: number): void {
    const address = addressOctets(host.replace(/^\[|\]$|%.*$/g, ''));
    if (address === undefined) return;
    this.#define(domain, address.length === 4 ? ORIGIN_4 : ORIGIN_6, exportTime);
    const octets = new Uint8Array(8 + address.length);
    new DataView(octets.buffer).setUint32(0, domain.id);
    new DataView(octets.buffer).setUint32(4, original);
    octets.set(address, 8);
    this.#append(domain, exportTime, ORIGIN_ID, octets);
    this.#records++;
  }

  /** Its number may be given again, so its templates are withdrawn (RFC 7011 section 8.1). */
  #forget(domain: FileDomain, exportTime: number): void {
    for (const { id, isOptions } of domain.templates.values()) this.#withdraw(domain, id, isOptions, exportTime);
    this.flush();
    this.#domains.delete(domain.key);
    this.#numbers.delete(domain.id);
  }

  #withdraw(domain: FileDomain, id: number, isOptions: boolean, exportTime: number): void {
    const octets = new Uint8Array([id >> 8, id & 255, 0, 0]);
    this.#append(domain, exportTime, isOptions ? OPTIONS_TEMPLATE_SET : TEMPLATE_SET, octets);
  }

  /** A list that was not read with a template of this id must not be read with the file's. */
  #undefine(domain: FileDomain, id: number, exportTime: number): void {
    const known = domain.templates.get(id);
    if (known === undefined) return;
    domain.templates.delete(id);
    this.#withdraw(domain, id, known.isOptions, exportTime);
  }

  #define(domain: FileDomain, template: Template, exportTime: number): void {
    const known = domain.templates.get(template.id);
    if (known === template) return;
    domain.templates.set(template.id, template);
    if (known?.equals(template)) return;
    if (known !== undefined) this.#withdraw(domain, known.id, known.isOptions, exportTime);
    const setId = template.isOptions ? OPTIONS_TEMPLATE_SET : TEMPLATE_SET;
    this.#append(domain, exportTime, setId, templateOctets(template));
  }

  /** Puts a record into a set of its id: the open one, or a new one; in a new message where it does not fit. */
  #append(domain: FileDomain, exportTime: number, setId: number, octets: Uint8Array): void {
    if (this.#domain !== domain || this.#exportTime !== exportTime) this.#begin(domain, exportTime);
    const room = () => LARGEST_MESSAGE - this.#length - (this.#setId === setId ? 0 : SET_HEADER);
    if (octets.length > room()) this.#begin(domain, exportTime);
    if (this.#setId !== setId) {
      this.#closeSet();
      this.#setId = setId;
      this.#setStart = this.#length;
      this.#length += SET_HEADER;
    }
    this.#buffer.set(octets, this.#length);
    this.#length += octets.length;
  }

  #begin(domain: FileDomain, exportTime: number): void {
    this.flush();
    this.#domain = domain;
    this.#exportTime = exportTime;
    this.#length = MESSAGE_HEADER;
    this.#records = 0;
    this.#setId = 0;
  }

  #closeSet(): void {
    if (this.#setId === 0) return;
    this.#view.setUint16(this.#setStart, this.#setId);
    this.#view.setUint16(this.#setStart + 2, this.#length - this.#setStart);
  }
}

/** A template record or an options template record, RFC 7011 section 3.4. */
function templateOctets({ id, isOptions, scopeCount, elements, lengths }: Template): Uint8Array {
  const words = [id, elements.length];
  if (isOptions) words.push(scopeCount);
  for (const [i, element] of elements.entries()) words.push(...fieldSpecifier(element, lengths[i]));
  const octets = new Uint8Array(2 * words.length);
  const view = new DataView(octets.buffer);
  words.forEach((word, i) => view.setUint16(2 * i, word));
  return octets;
}

/** RFC 7011 section 3.2. */
function fieldSpecifier({ id, enterprise }: Element, length: number): number[] {
  if (enterprise === IANA) return [id, length];
  return [id | 0x8000, length, enterprise >>> 16, enterprise & U16_MAX];
}

function addressOctets(text: string): Uint8Array | undefined {
  const address = parseAddress(text);
  return address && Buffer.from(address.first.toString(16).padStart(address.family === 4 ? 8 : 32, '0'), 'hex');
}
