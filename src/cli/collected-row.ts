import type { CollectedRecord } from '../collector/decode/record.js';
import type { Value } from '../collector/decode/value.js';
import { formatHostPort } from '../common/endpoint.js';
import {
  addressOf,
  icmpTypeCode,
  ipVersion,
  isDenied,
  isTranslated,
  policyOf,
  portOf,
  postNatAddress,
  postNatPort,
  type Side,
} from '../collector/record-facts.js';
import { protocolName } from '../row/protocol.js';
import type { Column } from '../common/terminal/table.js';

/** Characters of a line at which the counters get room for long flows, and at which deltas get columns. */
const WIDE = 150;
const NARROW = 120;

const TIME: Column = { head: 'time', width: 8 };
const SOURCE: Column = { head: 'source', width: 21 };
const DESTINATION: Column = { head: 'destination', width: 21 };

/**
 * What `ctflow collect` shows of a flow record, in the order of {@link cells}. On a narrow terminal the cells behind the
 * last column have none.
 * @param width characters of a line; undefined where the output is no terminal
 */
export function columns(width: number = Infinity): readonly Column[] {
  if (width < NARROW) {
    return [
      TIME,
      { head: 'proto', width: 5 },
      SOURCE,
      DESTINATION,
      { head: 'pkts', width: 9, align: 'right' },
      { head: 'octets', width: 11, align: 'right' },
    ];
  }
  const wide = width >= WIDE;
  return [
    TIME,
    { head: 'proto', width: 6 },
    SOURCE,
    DESTINATION,
    { head: 'pkts', width: wide ? 11 : 7, align: 'right' },
    { head: 'octets', width: wide ? 19 : 10, align: 'right' },
    { head: '+pkts', width: wide ? 7 : 5, align: 'right' },
    { head: '+octets', width: wide ? 13 : 9, align: 'right' },
    { head: 'end', width: 6 },
    { head: 'more', width: 40 },
  ];
}

/** flowEndReason, IE 136. */
const END_REASONS: Readonly<Record<string, string>> = { 1: 'idle', 2: 'active', 3: 'end', 4: 'forced', 5: 'lack' };

/** How a cell is called where it has no column. */
export const LABELS: readonly string[] = ['', '', '', '', 'pkts ', 'octets ', '+pkts ', '+octets ', 'end ', ''];

/** One cell for each of the columns. What the record does not have is empty. */
export function cells(record: CollectedRecord): string[] {
  const version = ipVersion(record);
  const source = addressOf(record, 'source', version) ?? '';
  const destination = addressOf(record, 'destination', version) ?? '';
  const protocol = record.get('protocolIdentifier');
  const reason = text(record.get('flowEndReason'));
  const { shown, others } = counters(record);
  return [
    timeOfDay(record.exportTime),
    typeof protocol === 'number' ? protocolName(protocol) : '',
    withPort(source, portOf(record, 'source')),
    withPort(destination, portOf(record, 'destination')),
    ...shown,
    END_REASONS[reason] ?? reason,
    source === '' && destination === ''
      ? `template ${record.templateId}`
      : details(record, version, source, destination, others),
  ];
}

let second = NaN;
let secondText = '';

/** Local time; the records of a message have the same. */
function timeOfDay(seconds: number): string {
  if (seconds !== second) {
    second = seconds;
    secondText = new Date(seconds * 1000).toTimeString().slice(0, 8);
  }
  return secondText;
}

/** A pair of counters. */
interface Counters {
  /** Before the value where the pair is shown beside another. */
  readonly word: string;
  readonly forward: string;
  readonly reverse: string;
}

const both = (word: string, forward: string): Counters => ({
  word,
  forward,
  reverse: `reverse${forward[0].toUpperCase()}${forward.slice(1)}`,
});
/** Which counters are shown: in each column the first that the record has. */
const PACKET_TOTALS = [
  both('', 'packetTotalCount'),
  both('post-pkts', 'postPacketTotalCount'),
  both('dropped-pkts', 'droppedPacketTotalCount'),
];
const OCTET_TOTALS = [
  both('', 'octetTotalCount'),
  both('post-octets', 'postOctetTotalCount'),
  both('layer2-octets', 'layer2OctetTotalCount'),
  both('post-layer2-octets', 'postLayer2OctetTotalCount'),
  both('dropped-octets', 'droppedOctetTotalCount'),
];
const PACKET_DELTAS = [
  both('', 'packetDeltaCount'),
  { word: '+layer4-pkts', forward: 'initiatorPackets', reverse: 'responderPackets' },
  both('+post-pkts', 'postPacketDeltaCount'),
  both('+dropped-pkts', 'droppedPacketDeltaCount'),
];
const OCTET_DELTAS = [
  both('', 'octetDeltaCount'),
  { word: '+layer4-octets', forward: 'initiatorOctets', reverse: 'responderOctets' },
  both('+post-octets', 'postOctetDeltaCount'),
  both('+layer2-octets', 'layer2OctetDeltaCount'),
  both('+post-layer2-octets', 'postLayer2OctetDeltaCount'),
  both('+dropped-octets', 'droppedOctetDeltaCount'),
];

const COUNTERS = [PACKET_TOTALS, OCTET_TOTALS, PACKET_DELTAS, OCTET_DELTAS];

/** The cells of the four columns, and counters beside them that say something else: `+post-octets=52`. */
function counters(record: CollectedRecord): { shown: string[]; others: string[] } {
  const shown: string[] = [];
  const others: string[] = [];
  for (const kinds of COUNTERS) {
    let first = '';
    for (const { word, forward, reverse } of kinds) {
      const sent = record.get(forward);
      const received = record.get(reverse);
      if (sent === undefined && received === undefined) continue;
      const value = pair(sent, received);
      if (first === '') first = value;
      else if (value !== first && !/^0(\/0)?$/.test(value)) others.push(`${word}=${value}`);
    }
    shown.push(first);
  }
  return { shown, others };
}

function details(
  record: CollectedRecord,
  version: 4 | 6,
  source: string,
  destination: string,
  others: readonly string[],
): string {
  const words: string[] = [];
  const denied = denial(record);
  if (denied !== '') words.push(denied);
  const event = record.get('natEvent');
  if (typeof event === 'number') words.push(NAT_EVENTS[event] ?? `nat-event=${event}`);
  const state = word(record.get('tcpState'));
  if (state !== '') words.push(state);
  const icmp = icmpTypeCode(record);
  if (icmp !== undefined) words.push(`type=${icmp >> 8}/${icmp & 255}`);
  words.push(
    ...translated(record, 'snat', 'source', version, source),
    ...translated(record, 'dnat', 'destination', version, destination),
    ...others,
  );
  const zone = text(record.get('ingressVRFID'));
  if (zone !== '') words.push(`zone=${zone}`);
  const mark = record.get('mark');
  if (typeof mark === 'number') words.push(`mark=0x${mark.toString(16)}`);
  return words.join(' ');
}

/** natEvent, IE 230: of any NAT, of one from IPv4 to IPv4, and of one from IPv6 to IPv4. */
const NAT_EVENTS: Readonly<Record<number, string>> = {
  1: 'nat-create',
  2: 'nat-delete',
  4: 'nat-create',
  5: 'nat-delete',
  6: 'nat-create',
  7: 'nat-delete',
};

/** forwardingStatus, IE 89: the upper two bits of the lowest octet. */
const STATUS_DROPPED = 2;
/** `denied`, with the rule where it is known; of a flow that went through, the policy that allows it. */
function denial(record: CollectedRecord): string {
  const status = record.get('forwardingStatus');
  const denied = isDenied(record);
  const rule = word(policyOf(record, 'RuleName'));
  if (!denied && !(typeof status === 'number' && (status & 255) >> 6 === STATUS_DROPPED)) {
    const policy = word(policyOf(record, 'Name')) || rule;
    return policy === '' ? '' : `policy=${policy}`;
  }
  return `${denied ? 'denied' : 'dropped'}${rule === '' ? '' : ` rule=${rule}`}`;
}

/** `snat=198.51.100.1:1024` where NAT changed the side. */
function translated(record: CollectedRecord, word: string, side: Side, version: 4 | 6, before: string): string[] {
  if (!isTranslated(record, side, version)) return [];
  return [`${word}=${withPort(postNatAddress(record, side, version) ?? before, postNatPort(record, side))}`];
}

function withPort(address: string, port: Value | undefined): string {
  return typeof port === 'number' && address !== '' ? formatHostPort(address, port) : address;
}

/** Both directions; empty where neither is there. */
function pair(sent: Value | undefined, received: Value | undefined): string {
  if (received === undefined) return text(sent);
  return `${text(sent) || '?'}/${text(received) || '?'}`;
}

/** Text from the network goes to a terminal only where it can do no harm. */
function word(value: Value | undefined): string {
  return typeof value === 'string' && /^[\w./:-]{1,60}$/.test(value) ? value : '';
}

function text(value: Value | undefined): string {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string' ? String(value) : '';
}
