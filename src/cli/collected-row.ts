import type { CollectedRecord } from '../collector/record.js';
import type { Value } from '../collector/value.js';
import { formatHostPort } from '../common/endpoint.js';
import { protocolName } from '../row/protocol.js';
import type { Column } from '../common/terminal/table.js';

/** Characters of a line at which the counters get room for long flows. */
const WIDE = 150;

/**
 * What `ctflow collect` shows of a flow record.
 * @param width characters of a line; undefined where the output is no terminal
 */
export function columns(width: number = Infinity): readonly Column[] {
  const wide = width >= WIDE;
  return [
    { head: 'time', width: 8 },
    { head: 'proto', width: 6 },
    { head: 'source', width: 21 },
    { head: 'destination', width: 21 },
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

/** One cell for each of the columns. What the record does not have is empty. */
export function cells(record: CollectedRecord): string[] {
  const source = host(record, 'source');
  const destination = host(record, 'destination');
  const protocol = record.get('protocolIdentifier');
  const reason = text(record.get('flowEndReason'));
  return [
    new Date(record.exportTime * 1000).toTimeString().slice(0, 8),
    typeof protocol === 'number' ? protocolName(protocol) : '',
    withPort(source, record.get('sourceTransportPort')),
    withPort(destination, record.get('destinationTransportPort')),
    pair(record.get('packetTotalCount'), record.get('reversePacketTotalCount')),
    pair(record.get('octetTotalCount'), record.get('reverseOctetTotalCount')),
    pair(record.get('packetDeltaCount'), record.get('reversePacketDeltaCount')),
    pair(record.get('octetDeltaCount'), record.get('reverseOctetDeltaCount')),
    END_REASONS[reason] ?? reason,
    source === '' && destination === '' ? `template ${record.templateId}` : details(record, source, destination),
  ];
}

function details(record: CollectedRecord, source: string, destination: string): string {
  const words: string[] = [];
  const state = record.get('tcpState');
  // Text from the network goes to a terminal only where it can do no harm.
  if (typeof state === 'string' && /^\w{1,20}$/.test(state)) words.push(state);
  const icmp = record.get('icmpTypeCodeIPv4') ?? record.get('icmpTypeCodeIPv6');
  if (typeof icmp === 'number') words.push(`type=${icmp >> 8}/${icmp & 255}`);
  words.push(
    ...translated(record, 'snat', 'Source', source),
    ...translated(record, 'dnat', 'Destination', destination),
  );
  const zone = text(record.get('ingressVRFID'));
  if (zone !== '') words.push(`zone=${zone}`);
  const mark = record.get('mark');
  if (typeof mark === 'number') words.push(`mark=0x${mark.toString(16)}`);
  return words.join(' ');
}

/** `snat=198.51.100.1:1024` where NAT changed the side. */
function translated(record: CollectedRecord, word: string, side: 'Source' | 'Destination', before: string): string[] {
  const post = text(record.get(`postNAT${side}IPv4Address`)) || text(record.get(`postNAT${side}IPv6Address`));
  const postPort = record.get(`postNAPT${side}TransportPort`);
  const port = record.get(`${side.toLowerCase()}TransportPort`);
  const changed = (post !== '' && post !== before) || (postPort !== undefined && postPort !== port);
  return changed ? [`${word}=${withPort(post || before, postPort)}`] : [];
}

function host(record: CollectedRecord, side: 'source' | 'destination'): string {
  return text(record.get(`${side}IPv4Address`)) || text(record.get(`${side}IPv6Address`));
}

function withPort(address: string, port: Value | undefined): string {
  return typeof port === 'number' && address !== '' ? formatHostPort(address, port) : address;
}

/** Both directions. */
function pair(sent: Value | undefined, received: Value | undefined): string {
  if (received === undefined) return text(sent);
  return `${text(sent) || '?'}/${text(received) || '?'}`;
}

function text(value: Value | undefined): string {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string' ? String(value) : '';
}
