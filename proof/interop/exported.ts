import { FROM_HOST, type FlowExtras } from '../../src/encoder/columns.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import { createProfile } from '../../src/ipfix/profile.js';
import type { NatEventPair } from '../../src/record/nat-log.js';
import { loadBackend } from '../../src/backend/load.js';
import { ping, tcp, udp } from '../../test/helpers/builders/connections.js';
import { masqueraded } from '../../test/helpers/builders/translated.js';
import type { Facts } from '../../test/helpers/builders/rows.js';
import { Decoder, valuesOf } from '../../test/helpers/builders/wire.js';
import type { OracleRecord } from '../../test/helpers/oracles/record.js';
import { exportTranslated, profileOf } from '../../test/helpers/rigs/nat-export.js';
import { SessionRig } from '../../test/helpers/rigs/session-rig.js';
import { EITHER } from './compare.js';
import { flagsOf, PLAIN, type Dialect } from './dialect.js';

/** What ctflow sends to a taker: messages, and the records in them. */
export interface Exported {
  readonly messages: readonly Buffer[];
  readonly records: readonly OracleRecord[];
}

const V6 = { source: '2001:db8::1', destination: '2001:db8:0:a::2' };
/**
 * A connection of each kind. No two numbers are alike, so that swapped fields show, and none is zero: many programs show zero for
 * what they have not read.
 */
const CONNECTIONS: readonly Facts[] = [
  tcp(1101, 0, [11, 1_211, 13, 1_313], { mark: 77, hostEnd: FROM_HOST }),
  tcp(1102, 0, [21, 2_121, 23, 2_323], {
    replySource: '10.0.0.2',
    replySourcePort: 8_443,
    replyDestination: '203.0.113.2',
  }),
  tcp(1103, 0, [31, 3_131, 33, 2n ** 32n + 3_333n], V6),
  tcp(1104, 0, [41, 4_141, 43, 4_343], { ...V6, replySource: '2001:db8::4', replyDestination: '2001:db8::5' }),
  udp(1105, 0, [51, 5_151, 53, 5_353], { zone: 5 }),
  udp(1106, 0, [61, 6_161, 63, 6_363], { replyZone: 6 }),
  tcp(1107, 0, [71, 7_171, 73, 7_373], { helper: 'ftp' }),
  ping(1108, 0, [81, 8_181, 83, 8_383], {
    source: '192.0.2.8',
    icmp: { type: 13, code: 0, id: 1108, replyType: 14 },
  }),
  ping(1109, 0, [91, 9_191, 93, 9_393], {
    ...V6,
    source: '2001:db8::9',
    protocol: 58,
    icmp: { type: 128, code: 1, id: 1109, replyType: 129 },
  }),
  { protocol: 50, source: '192.0.2.10', counters: [101, 10_101, 103, 10_303], status: 0xe },
];
/** Denied by a rule, and one whose TCP states are known. */
const DENIED: Facts = tcp(1111, 0, [1, 60, 2, 90], { source: '192.0.2.11' });

/** @param names of pods and nodes, for profile antrea */
function extras(count: number, denied: boolean, names: { intern(name: string): number }): FlowExtras {
  const name = (text: string): number => names.intern(text);
  const known = ['pod-a', 'shop', 'node-a', 'pod-b', 'store', 'node-b', 'shop/web:http'].map(name);
  return {
    names: Uint32Array.from({ length: count * 7 }, (_, i) => known[i % 7]),
    types: new Uint8Array(count).fill(2),
    states: new Uint32Array(count).fill(denied ? 0x321 : 0),
    rules: new Uint16Array(count).fill(denied ? 1 : 0),
    ruleFacts: Uint32Array.of(0, 0, 0, 0, 130 | (3 << 8), name('policy'), name('namespace'), name('rule')),
  };
}

const NAMES = {
  version: 1,
  list: [
    { index: 7, name: 'eth0', description: 'uplink' },
    { index: 8, name: 'eth1', description: 'downlink' },
  ],
};

/** Exports everything to a taker that is asked for in this dialect. */
export async function exportIn({
  profile,
  biflow,
  netfilterElements,
  interfaces,
  options,
}: Dialect): Promise<Exported> {
  const backend = await loadBackend((process.env['CTFLOW_BACKEND'] ?? 'auto') as 'auto' | 'native' | 'fallback');
  const rig = new SessionRig(backend, {
    limit: 2_744,
    profile: createProfile(profile, biflow, netfilterElements, undefined, interfaces),
    sampling: options ? 'current' : 'none',
    interfaceNames: interfaces === 'none' || !options ? undefined : NAMES,
  });
  const flows = (facts: readonly Facts[], denied: boolean) =>
    rig.sendWith(extras(facts.length, denied, rig.names), ...facts);
  // the sampling rate is known before the first data, the flow keys of all templates at the end
  const sent = options ? rig.options() : [];
  sent.push(...flows(CONNECTIONS, false), ...flows([DENIED], true));
  if (options) {
    rig.session.sendOptions(
      { flows: 3, packets: 40, octets: 5_000, first: rig.wall - 2_000, last: rig.wall - 1_000 },
      { packets: 7, octets: 800, first: rig.wall - 4_000, last: rig.wall - 3_000 },
    );
    sent.push(...rig.transport.take());
  }
  const messages = sent.map(({ bytes }) => bytes);
  return { messages, records: new Decoder().decode(sent).map(textOf) };
}

const NAT66: NatEventPair = [200, 201];

/** The flags of what {@link exportNat} exports, as a user writes them. */
export function natFlagsOf({ biflow }: Pick<Dialect, 'biflow'>): string {
  return `${flagsOf({ ...PLAIN, profile: 'nat', biflow, options: false })} --nat66-events ${NAT66.join()}`;
}

/** Translated connections of each kind: events that create and delete each, and what it has counted. No two addresses are alike. */
const TRANSLATED: readonly Facts[] = [
  masqueraded(2101, 0, [11, 1_211, 13, 1_313]),
  masqueraded(2102, 0, [21, 2_121, 23, 2_323], {
    ...between(2),
    replySource: '10.0.0.2',
    replySourcePort: 5_353,
  }),
  masqueraded(2103, 0, [31, 3_131, 33, 3_333], { ...between(3), zone: 5 }),
  masqueraded(2104, 0, [41, 4_141, 43, 4_343], { ...between(4), replyZone: 6 }),
  ping(2105, 0, [51, 5_151, 53, 5_353], { ...between(5), icmp: { type: 13, code: 0, id: 2105, replyType: 14 } }),
  masqueraded(2106, 0, [61, 6_161, 63, 6_363], {
    ...V6,
    replySource: '2001:db8::4',
    replyDestination: '2001:db8::5',
  }),
];

function between(host: number): Facts {
  return { source: `192.0.2.1${host}`, replyDestination: `203.0.113.${host}` };
}

/** Exports what profile nat has, with the same form of biflows as other records. */
export async function exportNat({ biflow }: Pick<Dialect, 'biflow'>): Promise<Exported> {
  const backend = await loadBackend((process.env['CTFLOW_BACKEND'] ?? 'auto') as 'auto' | 'native' | 'fallback');
  const { messages } = exportTranslated(backend, TRANSLATED, { profile: profileOf({ biflow }), nat66: NAT66 });
  return {
    messages: messages.map(({ bytes }) => Buffer.from(bytes)),
    records: new Decoder().decode(messages).map(textOf),
  };
}

/** A record as takers' records are; an element that occurs twice has both values, of which they may show either. */
export function textOf(record: CollectedRecord): OracleRecord {
  const texts: OracleRecord = {};
  for (const field of record.fields) {
    const [[name, value]] = Object.entries(valuesOf({ fields: [field] }));
    const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
    texts[name] = texts[name] === undefined ? text : texts[name] + EITHER + text;
  }
  return texts;
}
