import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { formatIPv4, formatIPv6 } from '../../common/address.js';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { U16_MAX } from '../../common/unsigned.js';
import { AF_INET6 } from '../../row/protocol.js';
import { RecentMap } from './recent-map.js';

export interface DnsOptions {
  /** `192.0.2.53`, `192.0.2.53:5353` or `[2001:db8::53]:5353`; those of the system by default. */
  readonly servers?: readonly string[] | undefined;
  /** Addresses whose answers are kept. */
  readonly most?: number;
  /** Milliseconds after which an address is asked for again. */
  readonly maxAge?: number;
  /** Milliseconds that a server has for its answer; it is asked twice, and the second time it has twice as long. */
  readonly timeout?: number;
}

export interface DnsStats {
  /** Addresses whose answers are kept now, and those that wait for one. */
  readonly addresses: number;
  readonly waiting: number;
  readonly asked: number;
  /** Answers with a name, and those that there is none. */
  readonly answered: number;
  readonly without: number;
  /** Answers that are no host name. */
  readonly unusable: number;
  /** No answer in time, and answers that say that the server could not. */
  readonly timeouts: number;
  readonly failed: number;
  /** Addresses that were not asked for, as too many others were. */
  readonly overflow: number;
  /** Answers that were forgotten: for the room, or as they were too old. */
  readonly evicted: { readonly room: number; readonly age: number };
}

/** An answer with a name. */
export interface DnsName {
  readonly name: string;
  /** When it came, milliseconds since 1970. */
  readonly at: number;
}

/** Called when the name of an address is known; never where there is none. */
export type HearName = (found: DnsName) => void;

interface Entry extends DnsName {
  /** Monotonic milliseconds; Infinity while an answer is awaited. */
  readonly until: number;
  readonly waiting: HearName[];
}

export const DNS_DEFAULTS = { most: 10_000, maxAge: 3_600_000, timeout: 2_000 } as const;
/** Questions under way at once, and addresses that wait for one. */
const MOST_ASKED = 32;
const MOST_WAITING = 4_096;
/** Flows that wait for one address. */
const MOST_HEARING = 64;
/** Milliseconds before an address is asked for again that a server could not answer. */
const REST_MS = 60_000;
/** Of an answer, names that are looked at. */
const MOST_NAMES = 16;
/** Labels of letters, digits, - and _, as RFC 1123 and the practice of reverse zones have them. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/**
 * Names of addresses by the DNS (PTR), of as many as there is room for. Nobody waits for an answer: an address is asked for when it is seen first, and its name is known
 * from the answer on. Whoever runs the reverse zone of an address says what its name is.
 */
export class DnsNames {
  readonly #resolver: Resolver;
  readonly #maxAge: number;
  readonly #entries: RecentMap<string, Entry>;
  /** Addresses that wait for their question, in order. */
  readonly #queue = new Map<string, Entry>();
  readonly #counts = { asked: 0, answered: 0, without: 0, unusable: 0, timeouts: 0, failed: 0, overflow: 0 };
  readonly #evicted = { room: 0, age: 0 };
  #asking = 0;
  #users = 1;
  #closed = false;

  /** @throws CtflowError CTFLOW_USAGE for what is no address of a server */
  constructor({
    servers,
    most = DNS_DEFAULTS.most,
    maxAge = DNS_DEFAULTS.maxAge,
    timeout = DNS_DEFAULTS.timeout,
  }: DnsOptions = {}) {
    this.#resolver = new Resolver({ timeout, tries: 2 });
    servers?.forEach(checkServer);
    if (servers) this.#resolver.setServers(servers);
    this.#maxAge = maxAge;
    this.#entries = new RecentMap(most);
  }

  /**
   * The name of an address, where it is known and not too old.
   * @param bytes hold the address in network order from `at` on; @param family the kernel's number
   * @param hear called once, when a name becomes known that is not known now
   */
  find(bytes: Uint8Array, at: number, family: number, hear: HearName): DnsName | undefined {
    const address = family === AF_INET6 ? formatIPv6(bytes, at) : formatIPv4(bytes, at);
    const known = this.#entries.get(address);
    if (known) {
      if (known.until === Infinity) {
        if (known.waiting.length < MOST_HEARING) known.waiting.push(hear);
        else this.#counts.overflow++;
        return undefined;
      }
      if (known.until > performance.now()) return known.name === '' ? undefined : known;
      this.#evicted.age++;
    }
    this.#await(address, hear, known !== undefined);
    return undefined;
  }

  stats(): DnsStats {
    return {
      addresses: this.#entries.size,
      waiting: this.#queue.size + this.#asking,
      ...this.#counts,
      evicted: { ...this.#evicted },
    };
  }

  /** For another user, who closes it too. */
  share(): this {
    this.#users++;
    return this;
  }

  /** The last user's asks for no more. */
  close(): void {
    if (--this.#users > 0) return;
    this.#closed = true;
    this.#queue.clear();
    this.#resolver.cancel();
  }

  #await(address: string, hear: HearName, isKept: boolean): void {
    if (this.#queue.size >= MOST_WAITING || this.#closed) {
      this.#counts.overflow++;
      return;
    }
    const entry = { name: '', at: 0, until: Infinity, waiting: [hear] };
    if (isKept) this.#entries.replace(address, entry);
    else this.#evicted.room += this.#entries.set(address, entry);
    this.#queue.set(address, entry);
    this.#askNext();
  }

  #askNext(): void {
    for (const [address, entry] of this.#queue) {
      if (this.#asking >= MOST_ASKED) return;
      this.#queue.delete(address);
      this.#asking++;
      void this.#ask(address, entry).finally(() => {
        this.#asking--;
        if (!this.#closed) this.#askNext();
      });
    }
  }

  async #ask(address: string, { waiting }: Entry): Promise<void> {
    this.#counts.asked++;
    let name = '';
    let keptFor = this.#maxAge;
    try {
      const names = await this.#resolver.resolvePtr(reverseName(address));
      name =
        names
          .slice(0, MOST_NAMES)
          .map(cleaned)
          .find(one => HOST_NAME.test(one)) ?? '';
      this.#counts[name !== '' ? 'answered' : names.length === 0 ? 'without' : 'unusable']++;
    } catch (error) {
      if (this.#closed) return;
      const code = errnoOf(error);
      if (code === 'ENOTFOUND' || code === 'ENODATA') this.#counts.without++;
      else {
        this.#counts[code === 'ETIMEOUT' ? 'timeouts' : 'failed']++;
        keptFor = Math.min(keptFor, REST_MS);
      }
    }
    if (this.#closed) return;
    const found = { name, at: Date.now() };
    this.#entries.replace(address, { ...found, until: performance.now() + keptFor, waiting: [] });
    if (name !== '') for (const hear of waiting) hear(found);
  }
}

/** @throws CtflowError CTFLOW_USAGE where it is no address, with a port or without */
export function checkServer(server: string): void {
  const [, inBrackets, plain, port = '53'] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(server) ?? [];
  const isAddress = isIP(server) !== 0 || isIP(inBrackets ?? '') === 6 || isIP(plain ?? '') === 4;
  if (isAddress && Number(port) > 0 && Number(port) <= U16_MAX) return;
  const hint = 'Write an address, and a port behind it where it is not 53, such as 192.0.2.53 or [2001:db8::53]:5353';
  throw new CtflowError('CTFLOW_USAGE', `'${server}' is no address of a DNS server`, hint);
}

/** In the case and without the point that a name may end with. */
function cleaned(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** RFC 1035 section 3.5, RFC 3596 section 2.5. @param address as it is formatted here */
export function reverseName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').toReversed().join('.')}.in-addr.arpa`;
  const [head, tail] = withoutDots(address)
    .split('::')
    .map(part => (part === '' ? [] : part.split(':')));
  const gap = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...(tail ?? [])];
  const digits = groups.map(group => group.padStart(4, '0')).join('');
  return `${[...digits].toReversed().join('.')}.ip6.arpa`;
}

function withoutDots(address: string): string {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (!dotted) return address;
  const [a, b, c, d] = dotted.slice(1).map(octet => Number(octet).toString(16).padStart(2, '0'));
  return `${address.slice(0, dotted.index)}${a}${b}:${c}${d}`;
}
