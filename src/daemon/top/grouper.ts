import { FLOW_NAMES } from '../../encoder/columns.js';
import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import { formatIPv4, formatIPv6 } from '../../common/address.js';
import { ORIGINAL } from '../../row/direction.js';
import * as layout from '../../row/layout.generated.js';
import { AF_INET6, protocolName } from '../../row/protocol.js';
import { DESTINATION_SIDE, nameText, SERVICE, SOURCE_SIDE } from './describe-flow.js';
import { GroupSums } from './group-sums.js';
import type { GroupLine, TopPage } from './page.js';
import type { Grouping, Sort } from './query.js';
import { Selection } from './selection.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  FAMILY,
  HAS_ORIG_ZONE,
  HAS_PORTS,
  HAS_REPLY_ZONE,
  ORIG_DPORT,
  ORIG_ZONE,
  PRESENT_WORD,
  PROTOCOL,
  REPLY_ZONE,
  ROW_SIZE,
  ROW_WORDS,
} = layout;
const SOURCE_WORD = ORIGINAL.source >> 2;
/** Of a key of a service: there is no name, but a protocol and a port. */
const BY_PORT = 1;
const NO_PORT = 1 << 16;
const ZONES = HAS_ORIG_ZONE | HAS_REPLY_ZONE;
/** Where a flow has its names: pod, namespace, node. */
const [NAMESPACE, NODE] = [1, 2];
const LAST = -Infinity;

/** Sums up connections by what they have in common. */
export class Grouper {
  readonly #flows: Flows;
  readonly #names: NameTable;
  readonly #halves: Uint16Array;
  readonly #sums = new GroupSums();
  #group: Exclude<Grouping, 'none'> = 'source';

  constructor(flows: Flows, names: NameTable) {
    const { rows } = flows.store.table;
    this.#flows = flows;
    this.#names = names;
    this.#halves = new Uint16Array(rows.buffer, rows.byteOffset);
  }

  begin(group: Exclude<Grouping, 'none'>): void {
    this.#group = group;
    this.#sums.clear();
    this.#sums.key.fill(0);
  }

  /** @param packets, bytes, rate NaN where they are not known; @param start milliseconds since 1970 */
  add(slot: number, packets: number, bytes: number, rate: number, start: number): void {
    const { key } = this.#sums;
    if (this.#group === 'source') this.#setSource(slot, key);
    else if (this.#group === 'zone') key[0] = this.#zone(slot);
    else if (this.#group === 'service') this.#setService(slot, key);
    else this.#setName(slot, key);
    this.#sums.add(packets, bytes, rate, start);
  }

  /** The first groups in an order. @param now milliseconds since 1970 */
  first(sort: Sort, reverse: boolean, skip: number, rows: number, now: number): NonNullable<TopPage['groups']> {
    const sums = this.#sums;
    const selection = new Selection(skip + rows);
    for (let group = 0; group < sums.count; group++) {
      const value = this.#value(group, sort);
      selection.offer(value < 0 ? LAST : reverse ? -value : value, sums.connections[group], group);
    }
    const lines = selection
      .take()
      .slice(skip)
      .map(group => this.#line(group, now));
    return { count: sums.count, lines, leftOut: sums.leftOut };
  }

  /** The larger comes first; below 0 where it is not known. A group has no state: the number of its connections stands for it. */
  #value(group: number, sort: Sort): number {
    const sums = this.#sums;
    switch (sort) {
      case 'bytes':
        return sums.counted[group] > 0 ? sums.bytes[group] : -1;
      case 'packets':
        return sums.counted[group] > 0 ? sums.packets[group] : -1;
      case 'rate':
        return sums.rated[group] > 0 ? sums.rates[group] : -1;
      case 'age':
        return Math.max(Number.MAX_SAFE_INTEGER - sums.starts[group], 0);
      case 'state':
        return sums.connections[group];
    }
  }

  #line(group: number, now: number): GroupLine {
    const sums = this.#sums;
    return {
      name: this.#nameOf(sums.keyOf(group)),
      connections: sums.connections[group],
      ...(sums.counted[group] > 0 && { packets: sums.packets[group], bytes: sums.bytes[group] }),
      ...(sums.rated[group] > 0 && { rate: sums.rates[group] }),
      age: Math.max(now - sums.starts[group], 0),
    };
  }

  #nameOf(key: Uint32Array): string {
    switch (this.#group) {
      case 'source': {
        const address = new Uint8Array(key.buffer, key.byteOffset);
        return key[4] === AF_INET6 ? formatIPv6(address, 0) : formatIPv4(address, 0);
      }
      case 'zone':
        return String(key[0]);
      case 'service': {
        if (key[1] !== BY_PORT) return nameText(this.#names, key[0]);
        const protocol = protocolName(key[2]);
        return key[3] === NO_PORT ? protocol : `${protocol}/${key[3]}`;
      }
      case 'name': {
        const [name, namespace] = [nameText(this.#names, key[0]), nameText(this.#names, key[1])];
        return namespace === '' ? name : `${namespace}/${name}`;
      }
    }
  }

  #setSource(slot: number, key: Uint32Array): void {
    const { rows, bytes } = this.#flows.store.table;
    const at = slot * ROW_WORDS + SOURCE_WORD;
    key[0] = rows[at];
    key[1] = rows[at + 1];
    key[2] = rows[at + 2];
    key[3] = rows[at + 3];
    key[4] = bytes[slot * ROW_SIZE + FAMILY];
  }

  /** The kernel leaves zone 0 out. */
  #zone(slot: number): number {
    const present = this.#flows.store.table.rows[slot * ROW_WORDS + PRESENT_WORD];
    if ((present & ZONES) === 0) return 0;
    return this.#halves[(slot * ROW_SIZE + (present & HAS_ORIG_ZONE ? ORIG_ZONE : REPLY_ZONE)) >> 1];
  }

  /** By the inventory's name, else by protocol and port. */
  #setService(slot: number, key: Uint32Array): void {
    const { names } = this.#flows.extras;
    const service = names ? names[slot * FLOW_NAMES + SERVICE] : 0;
    key[0] = service;
    key[1] = key[2] = key[3] = 0;
    if (service !== 0) return;
    const { rows, bytes } = this.#flows.store.table;
    const ports = (rows[slot * ROW_WORDS + PRESENT_WORD] & HAS_PORTS) !== 0;
    key[1] = BY_PORT;
    key[2] = bytes[slot * ROW_SIZE + PROTOCOL];
    key[3] = ports ? this.#halves[(slot * ROW_SIZE + ORIG_DPORT) >> 1] : NO_PORT;
  }

  /** The pod of the source, or its node; those of the destination where the source has none. */
  #setName(slot: number, key: Uint32Array): void {
    key[0] = key[1] = 0;
    const { names } = this.#flows.extras;
    if (!names) return;
    const at = slot * FLOW_NAMES;
    for (let side = SOURCE_SIDE; side <= DESTINATION_SIDE; side += DESTINATION_SIDE) {
      if (names[at + side] !== 0) {
        key[0] = names[at + side];
        key[1] = names[at + side + NAMESPACE];
        return;
      }
      if (names[at + side + NODE] !== 0) {
        key[0] = names[at + side + NODE];
        return;
      }
    }
  }
}
