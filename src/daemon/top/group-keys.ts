import { FLOW_NAMES, POD_FACTS } from '../../encoder/columns.js';
import { WORKLOAD } from '../../inventory/flow-pods.js';
import { FACTS_OF_POD } from '../../ipfix/details.js';
import type { Flows } from '../../record/flows.js';
import type { NameTable } from '../../record/name-table.js';
import { formatIPv4, formatIPv6 } from '../../common/address.js';
import { formatDuration } from '../../common/duration.js';
import * as conntrack from '../../row/conntrack.js';
import { ORIGINAL } from '../../row/direction.js';
import * as layout from '../../row/layout.generated.js';
import { AF_INET6, protocolName } from '../../row/protocol.js';
import { DESTINATION_SIDE, SERVICE, SOURCE_SIDE, stateName } from './describe-flow.js';
import { KEY_WORDS } from './group-sums.js';
import type { GroupLine, SnatEnds } from './page.js';
import type { Grouping } from './query.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  FAMILY,
  HAS_ORIG_ZONE,
  HAS_PORTS,
  HAS_REPLY_ZONE,
  HAS_TIMEOUT,
  ORIG_DPORT,
  ORIG_SPORT,
  ORIG_ZONE,
  PRESENT_WORD,
  PROTOCOL,
  REPLY_DPORT,
  REPLY_DST_WORD,
  REPLY_SPORT,
  REPLY_SRC_WORD,
  REPLY_ZONE,
  ROW_SIZE,
  ROW_WORDS,
  STATE,
  STATUS_WORD,
  TIMEOUT_WORD,
} = layout;
const { HAS_STATE } = conntrack;
const SEEN_REPLY = conntrack.STATUS_BITS.get('SEEN_REPLY')!;
const ASSURED = conntrack.STATUS_BITS.get('ASSURED')!;
const SOURCE_WORD = ORIGINAL.source >> 2;
const DESTINATION_WORD = ORIGINAL.destination >> 2;
/** Of a key of a service: there is no name, but a protocol and a port. */
const BY_PORT = 1;
const NO_PORT = 1 << 16;
const ZONES = HAS_ORIG_ZONE | HAS_REPLY_ZONE;
/** Where a flow has its names: pod, namespace, node. */
const [NAMESPACE, NODE] = [1, 2];
/** Words of a key of translated sources: two addresses, protocol and port, family and zone. */
const SNAT_WORDS = 10;
const HALF = 0xffff;
const REMOTE = 4;
const PORT = 8;
const ZONE = 9;

/** Seconds between which remaining timeouts are counted together: those of the kernel's defaults lie just below one of them. */
const TIMEOUT_BOUNDS = [10, 30, 60, 120, 300, 600, 3_600, 86_400, 432_000];
const NO_TIMEOUT = TIMEOUT_BOUNDS.length + 1;

export type GroupBy = Exclude<Grouping, 'none'>;

/** Words of the keys of a grouping. */
export function wordsOf(group: GroupBy): number {
  return group === 'snat' ? SNAT_WORDS : KEY_WORDS;
}

/** What the connections of a group have in common, as words of a key, and for people. */
export class GroupKeys {
  readonly #flows: Flows;
  readonly #names: NameTable;
  readonly #halves: Uint16Array;

  constructor(flows: Flows, names: NameTable) {
    const { rows } = flows.store.table;
    this.#flows = flows;
    this.#names = names;
    this.#halves = new Uint16Array(rows.buffer, rows.byteOffset);
  }

  /** Writes the key of a connection; words that a grouping does not use stay as they are. @returns whether it is in a group */
  set(group: GroupBy, slot: number, key: Uint32Array): boolean {
    switch (group) {
      case 'source':
        this.#setAddress(slot, SOURCE_WORD, key);
        return true;
      case 'destination':
        this.#setAddress(slot, DESTINATION_WORD, key);
        return true;
      case 'zone':
        key[0] = this.#zone(slot);
        return true;
      case 'service':
        this.#setService(slot, key);
        return true;
      case 'name':
        this.#setName(slot, key);
        return true;
      case 'workload':
        this.#setWorkload(slot, key);
        return true;
      case 'state':
        this.#setState(slot, key);
        return true;
      case 'timeout':
        key[0] = this.#timeout(slot);
        return true;
      case 'snat':
        return this.#setSnat(slot, key);
    }
  }

  nameOf(group: GroupBy, key: Uint32Array): string {
    switch (group) {
      case 'source':
      case 'destination':
        return addressText(key, 0, key[4]);
      case 'zone':
        return String(key[0]);
      case 'service': {
        if (key[1] !== BY_PORT) return this.#names.text(key[0]);
        const protocol = protocolName(key[2]);
        return key[3] === NO_PORT ? protocol : `${protocol}/${key[3]}`;
      }
      case 'name':
      case 'workload': {
        const [name, namespace] = [this.#names.text(key[0]), this.#names.text(key[1])];
        return namespace === '' ? name : `${namespace}/${name}`;
      }
      case 'state':
        return `${protocolName(key[0])} ${stateName(key[1], key[2], key[2])}`;
      case 'timeout': {
        if (key[0] === NO_TIMEOUT) return 'unknown';
        const { from, below } = timeoutOf(key[0]);
        return `${formatDuration(from * 1_000)}-${below === undefined ? '' : formatDuration(below * 1_000)}`;
      }
      case 'snat': {
        const { protocol, external, remote, remotePort, zone } = snatEnds(key);
        const end = remote.includes(':') ? `[${remote}]` : remote;
        return `${protocol} ${external} > ${end}:${remotePort}${zone === undefined ? '' : ` zone ${zone}`}`;
      }
    }
  }

  /** What of it is for programs. */
  factsOf(group: GroupBy, key: Uint32Array): Pick<GroupLine, 'timeout' | 'snat'> {
    if (group === 'snat') return { snat: snatEnds(key) };
    return group === 'timeout' && key[0] !== NO_TIMEOUT ? { timeout: timeoutOf(key[0]) } : {};
  }

  #setAddress(slot: number, word: number, key: Uint32Array): void {
    const { rows, bytes } = this.#flows.store.table;
    const at = slot * ROW_WORDS + word;
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

  /** That of the source, else of the destination, with the namespace of its pod. */
  #setWorkload(slot: number, key: Uint32Array): void {
    key[0] = key[1] = 0;
    const { names, podFacts } = this.#flows.extras;
    if (!names || !podFacts) return;
    const [source, destination] = [slot * POD_FACTS + WORKLOAD, slot * POD_FACTS + FACTS_OF_POD + WORKLOAD];
    const isOfSource = podFacts[source] !== 0;
    key[0] = podFacts[isOfSource ? source : destination];
    if (key[0] !== 0) key[1] = names[slot * FLOW_NAMES + (isOfSource ? SOURCE_SIDE : DESTINATION_SIDE) + NAMESPACE];
  }

  #setState(slot: number, key: Uint32Array): void {
    const { rows, bytes } = this.#flows.store.table;
    const kind = rows[slot * ROW_WORDS + PRESENT_WORD] & HAS_STATE;
    key[0] = bytes[slot * ROW_SIZE + PROTOCOL];
    key[1] = kind;
    if (kind !== 0) {
      key[2] = bytes[slot * ROW_SIZE + STATE];
      return;
    }
    const status = rows[slot * ROW_WORDS + STATUS_WORD];
    key[2] = status & ASSURED ? ASSURED : status & SEEN_REPLY;
  }

  /** Which of the bounds it lies below. */
  #timeout(slot: number): number {
    const { rows } = this.#flows.store.table;
    const at = slot * ROW_WORDS;
    if ((rows[at + PRESENT_WORD] & HAS_TIMEOUT) === 0) return NO_TIMEOUT;
    const left = rows[at + TIMEOUT_WORD];
    let bound = 0;
    while (bound < TIMEOUT_BOUNDS.length && left >= TIMEOUT_BOUNDS[bound]) bound++;
    return bound;
  }

  /** Two connections of one key need two ports: the tuple of the replies must be free (nf_nat_used_tuple in nf_nat_core.c). */
  #setSnat(slot: number, key: Uint32Array): boolean {
    const { rows, bytes } = this.#flows.store.table;
    const at = slot * ROW_WORDS;
    const byte = slot * ROW_SIZE;
    const present = rows[at + PRESENT_WORD];
    if ((present & HAS_PORTS) === 0) return false;
    const halves = this.#halves;
    if (
      rows[at + SOURCE_WORD] === rows[at + REPLY_DST_WORD] &&
      rows[at + SOURCE_WORD + 1] === rows[at + REPLY_DST_WORD + 1] &&
      rows[at + SOURCE_WORD + 2] === rows[at + REPLY_DST_WORD + 2] &&
      rows[at + SOURCE_WORD + 3] === rows[at + REPLY_DST_WORD + 3] &&
      halves[(byte + ORIG_SPORT) >> 1] === halves[(byte + REPLY_DPORT) >> 1]
    )
      return false;
    for (let word = 0; word < REMOTE; word++) {
      key[word] = rows[at + REPLY_DST_WORD + word];
      key[REMOTE + word] = rows[at + REPLY_SRC_WORD + word];
    }
    key[PORT] = (bytes[byte + PROTOCOL] << 16) | halves[(byte + REPLY_SPORT) >> 1];
    const zone = present & HAS_REPLY_ZONE ? halves[(byte + REPLY_ZONE) >> 1] : 0;
    key[ZONE] = (bytes[byte + FAMILY] << 16) | zone;
    return true;
  }
}

function snatEnds(key: Uint32Array): SnatEnds {
  const family = key[ZONE] >> 16;
  const zone = key[ZONE] & HALF;
  return {
    protocol: protocolName(key[PORT] >> 16),
    external: addressText(key, 0, family),
    remote: addressText(key, REMOTE, family),
    remotePort: key[PORT] & HALF,
    ...(zone !== 0 && { zone }),
  };
}

function timeoutOf(bound: number): NonNullable<GroupLine['timeout']> {
  const from = bound === 0 ? 0 : TIMEOUT_BOUNDS[bound - 1];
  return { from, ...(bound < TIMEOUT_BOUNDS.length && { below: TIMEOUT_BOUNDS[bound] }) };
}

function addressText(key: Uint32Array, word: number, family: number): string {
  const bytes = new Uint8Array(key.buffer, key.byteOffset);
  return (family === AF_INET6 ? formatIPv6 : formatIPv4)(bytes, word * 4);
}
