import { parseAddress } from '../../common/prefix.js';
import { U16_MAX, U32_MAX, U8_MAX } from '../../common/unsigned.js';
import type { Batch } from '../../row/batch.js';
import * as states from '../../row/conntrack.js';
import { type Direction, ORIGINAL, REPLY } from '../../row/direction.js';
import * as row from '../../row/layout.generated.js';
import { AF_INET, AF_INET6, hasPorts, IPPROTO_SCTP, IPPROTO_TCP, protocolNumber } from '../../row/protocol.js';
import { hashTuple } from '../../row/tuple-hash.js';

/** Who tracks connections: Open vSwitch itself, or the kernel's conntrack. */
export type Datapath = 'userspace' | 'kernel';

/** `tcp,orig=(...),reply=(...)`, and the rest. */
const ENTRY = /^([a-z0-9]+),orig=\(([^()]*)\),reply=\(([^()]*)\)(.*)$/;
/** `,name=value`; a value in parentheses has commas. */
const FACT = /,([a-z_]+)=(\([^()]*\)|[^,]*)/g;
/** What conntrack sets by itself has names here, too. */
const STATUS_BITS = new Map([
  ...states.STATUS_BITS,
  ['SEQ_ADJUST', 1 << 6],
  ['SRC_NAT_DONE', 1 << 7],
  ['DST_NAT_DONE', 1 << 8],
  ['TEMPLATE', 1 << 11],
  ['UNTRACKED', 1 << 12],
]);
const IGMP = 2;
const HELPER_LENGTH = 15; // NF_CT_HELPER_NAME_LEN without its NUL

/** Names of Open vSwitch, the latest first, and conntrack's states. Of two ends the later state counts, as in ovs-appctl. */
const TCP: Readonly<Record<Datapath, readonly (readonly [name: string, state: number])[]>> = {
  // lib/conntrack-tcp.c has a state for each end
  userspace: [
    ['TIME_WAIT', states.TIME_WAIT],
    ['FIN_WAIT_2', states.TIME_WAIT],
    ['LAST_ACK', states.LAST_ACK],
    ['CLOSING', states.FIN_WAIT],
    ['FIN_WAIT_1', states.FIN_WAIT],
    ['CLOSE_WAIT', states.CLOSE_WAIT],
    ['ESTABLISHED', states.ESTABLISHED],
    ['SYN_RECV', states.ESTABLISHED],
    ['SYN_SENT', states.SYN_SENT],
  ],
  // nl_ct_tcp_state_to_dpif of lib/netlink-conntrack.c; both ends have the same
  kernel: [
    ['SYN_SENT', states.SYN_SENT],
    ['SYN_RECV', states.SYN_RECV],
    ['ESTABLISHED', states.ESTABLISHED],
    ['FIN_WAIT_1', states.FIN_WAIT],
    ['CLOSE_WAIT', states.CLOSE_WAIT],
    ['LAST_ACK', states.LAST_ACK],
    ['TIME_WAIT', states.TIME_WAIT],
    ['CLOSING', states.CLOSE],
  ],
};

/**
 * Reads a line of `dpctl/dump-conntrack -m -s` (ct_dpif_format_entry of lib/ct-dpif.c) into the first row of a batch.
 *
 * The kernel datapath has what conntrack has. The userspace datapath has neither counters nor id, status or start; its timeouts are
 * of its own rules. Unknown names are passed over.
 * @returns false where it is malformed: not both tuples, or a value that cannot be read
 */
export function readEntry(line: string, datapath: Datapath, batch: Batch): boolean {
  const { bytes, u32 } = batch;
  u32.fill(0);
  const [, name, original, reply, rest] = ENTRY.exec(line) ?? [];
  const protocol = name === 'igmp' ? IGMP : protocolNumber(name ?? '');
  if (protocol === undefined) return false;
  bytes[row.PROTOCOL] = protocol;
  const facts = factsOf(rest);
  const flags = [
    readTuple(factsOf(`,${original}`), ORIGINAL, batch),
    readTuple(factsOf(`,${reply}`), REPLY, batch),
    readNumbers(facts, datapath, batch),
    readZone(facts.get('zone'), batch),
    readLabels(facts.get('labels'), batch),
    readStart(facts.get('start'), batch),
  ];
  let present = 0;
  for (const flag of flags) {
    if (flag === undefined) return false;
    present |= flag;
  }
  // of the userspace datapath it is 0 and says nothing
  const status = datapath === 'kernel' ? facts.get('status') : undefined;
  if (status !== undefined) {
    u32[row.STATUS_WORD] = statusOf(status);
    present |= row.HAS_STATUS;
  }
  const helper = facts.get('helper');
  if (helper) {
    bytes.set(Buffer.from(helper, 'latin1').subarray(0, HELPER_LENGTH), row.HELPER);
    present |= row.HAS_HELPER;
  }
  const state = stateOf(protocol, factsOf(`,${(facts.get('protoinfo') ?? '').slice(1, -1)}`), datapath);
  if (state !== undefined) {
    bytes[row.STATE] = state;
    present |= protocol === IPPROTO_TCP ? row.HAS_TCP_STATE : row.HAS_SCTP_STATE;
  }
  u32[row.PRESENT_WORD] = present;
  hashTuple(batch);
  return true;
}

const NUMBERS = [
  { name: 'id', word: row.ID_WORD, flag: row.HAS_ID, kernelOnly: true },
  { name: 'timeout', word: row.TIMEOUT_WORD, flag: row.HAS_TIMEOUT, kernelOnly: false },
  { name: 'mark', word: row.MARK_WORD, flag: row.HAS_MARK, kernelOnly: false },
];

// each returns the HAS_ flags of what is there, undefined where it is malformed

function readTuple(facts: ReadonlyMap<string, string>, at: Direction, { bytes, u16, u32 }: Batch): number | undefined {
  for (const [end, place] of [
    ['src', at.source],
    ['dst', at.destination],
  ] as const) {
    const address = parseAddress(facts.get(end) ?? '');
    if (address === undefined) return undefined;
    const family = address.family === 4 ? AF_INET : AF_INET6;
    // four addresses of one family
    if (bytes[row.FAMILY] !== 0 && bytes[row.FAMILY] !== family) return undefined;
    bytes[row.FAMILY] = family;
    writeAddress(bytes, place, address.first, family === AF_INET ? 4 : 16);
  }
  let present = 0;
  if (facts.has('id')) {
    const [id, type, code] = [
      numberOf(facts.get('id'), U16_MAX),
      numberOf(facts.get('type'), U8_MAX),
      numberOf(facts.get('code'), U8_MAX),
    ];
    if (id === undefined || type === undefined || code === undefined) return undefined;
    u16[at.sourcePort >> 1] = id;
    u16[at.destinationPort >> 1] = type * 256 + code;
    present |= row.HAS_ICMP;
  } else if (hasPorts(bytes[row.PROTOCOL])) {
    const [sport, dport] = [numberOf(facts.get('sport'), U16_MAX), numberOf(facts.get('dport'), U16_MAX)];
    if (sport === undefined || dport === undefined) return undefined;
    u16[at.sourcePort >> 1] = sport;
    u16[at.destinationPort >> 1] = dport;
    present |= row.HAS_PORTS;
  }
  if (facts.has('packets')) {
    const [packets, octets] = [counterOf(facts.get('packets')), counterOf(facts.get('bytes'))];
    if (packets === undefined || octets === undefined) return undefined;
    writeU64(u32, at.packets >> 2, packets);
    writeU64(u32, at.octets >> 2, octets);
    present |= at.hasCounters;
  }
  return present;
}

function readNumbers(facts: ReadonlyMap<string, string>, datapath: Datapath, { u32 }: Batch): number | undefined {
  let present = 0;
  for (const { name, word, flag, kernelOnly } of NUMBERS) {
    if (!facts.has(name) || (kernelOnly && datapath === 'userspace')) continue;
    const value = numberOf(facts.get(name), U32_MAX);
    if (value === undefined) return undefined;
    u32[word] = value;
    present |= flag;
  }
  return present;
}

/** One for both directions. */
function readZone(text: string | undefined, { u16 }: Batch): number | undefined {
  if (text === undefined) return 0;
  const zone = numberOf(text, U16_MAX);
  if (zone === undefined) return undefined;
  u16[row.ORIG_ZONE >> 1] = u16[row.REPLY_ZONE >> 1] = zone;
  return zone > 0 ? row.HAS_ORIG_ZONE | row.HAS_REPLY_ZONE : 0;
}

/** A number of 128 bits, where the kernel has bytes. */
function readLabels(text: string | undefined, { bytes }: Batch): number | undefined {
  if (text === undefined) return 0;
  if (!/^0x[0-9a-f]{1,32}$/.test(text)) return undefined;
  const digits = text.slice(2).padStart(32, '0');
  bytes.set(Buffer.from(digits, 'hex').toReversed(), row.LABELS);
  return row.HAS_LABELS;
}

/** Local time in milliseconds: not exact enough to know a connection by. */
function readStart(text: string | undefined, { u32 }: Batch): number | undefined {
  if (text === undefined) return 0;
  const milliseconds = Date.parse(text);
  if (!(milliseconds >= 0)) return undefined;
  writeU64(u32, row.START_NS_WORD, BigInt(milliseconds) * 1_000_000n);
  return row.HAS_START_ESTIMATE;
}

function factsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(FACT)].map(([, name, value]) => [name, value]));
}

function numberOf(text: string | undefined, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text ?? '') ? Number(text) : Infinity;
  return value <= max ? value : undefined;
}

function counterOf(text: string | undefined): bigint | undefined {
  const value = /^\d{1,20}$/.test(text ?? '') ? BigInt(text!) : undefined;
  return value !== undefined && value < 1n << 64n ? value : undefined;
}

/** Names with | between them, in hexadecimal what has none. */
function statusOf(text: string): number {
  return text.split('|').reduce((status, name) => status | (STATUS_BITS.get(name) ?? Number(name)), 0) >>> 0;
}

function stateOf(protocol: number, facts: ReadonlyMap<string, string>, datapath: Datapath): number | undefined {
  if (protocol === IPPROTO_TCP) {
    const [original, reply] = [facts.get('state_orig'), facts.get('state_reply')];
    return TCP[datapath].find(([name]) => name === original || name === reply)?.[1];
  }
  const state = protocol === IPPROTO_SCTP ? states.SCTP_STATES.findIndex(name => name === facts.get('state')) : -1;
  return state < 0 ? undefined : state;
}

function writeAddress(bytes: Uint8Array, at: number, address: bigint, length: number): void {
  for (let i = length - 1; i >= 0; i--, address >>= 8n) bytes[at + i] = Number(address & 0xffn);
}

function writeU64(u32: Uint32Array, word: number, value: bigint): void {
  u32[word] = Number(value & 0xffff_ffffn);
  u32[word + 1] = Number(value >> 32n);
}
