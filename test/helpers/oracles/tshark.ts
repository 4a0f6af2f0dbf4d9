import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pcap } from './pcap.js';
import { PATH } from '../kernel/require.js';
import { withFolder } from './folder.js';
import { canonicalAddress, type OracleRecord } from './record.js';

export interface TsharkReading {
  /** Data records in order, those of options templates among them. */
  readonly records: OracleRecord[];
  /** What tshark calls malformed, and its expert remarks (a set without its template, an unexpected sequence number). */
  readonly complaints: string[];
  /** Fields of data records that tshark does not know, or that ELEMENTS lacks. */
  readonly unknown: string[];
  /** Octets of the largest IP packet. */
  readonly largest: number;
}

/** tshark's field, below `cflow.`, and the information element. */
const ELEMENTS: Readonly<Record<string, string>> = {
  octets: 'octetDeltaCount',
  packets: 'packetDeltaCount',
  protocol: 'protocolIdentifier',
  srcport: 'sourceTransportPort',
  srcaddr: 'sourceIPv4Address',
  dstport: 'destinationTransportPort',
  dstaddr: 'destinationIPv4Address',
  srcaddrv6: 'sourceIPv6Address',
  dstaddrv6: 'destinationIPv6Address',
  icmp_type_code_ipv4: 'icmpTypeCodeIPv4',
  octetsexp: 'exportedOctetTotalCount',
  packetsexp: 'exportedMessageTotalCount',
  flowsexp: 'exportedFlowRecordTotalCount',
  permanent_octets: 'octetTotalCount',
  permanent_packets: 'packetTotalCount',
  appl_name: 'applicationName',
  flow_end_reason: 'flowEndReason',
  flow_id: 'flowId',
  od_id: 'observationDomainId',
  abstimestart: 'flowStart',
  abstimeend: 'flowEnd',
  post_natsource_ipv4_address: 'postNATSourceIPv4Address',
  post_natdestination_ipv4_address: 'postNATDestinationIPv4Address',
  post_nat_source_ipv6_address: 'postNATSourceIPv6Address',
  post_nat_destination_ipv6_address: 'postNATDestinationIPv6Address',
  post_naptsource_transport_port: 'postNAPTSourceTransportPort',
  post_naptdestination_transport_port: 'postNAPTDestinationTransportPort',
  ingress_vrfid: 'ingressVRFID',
  egress_vrfid: 'egressVRFID',
  biflow_direction: 'biflowDirection',
  nat_type: 'natType',
  template_id: 'templateId',
  post_key: 'flowKeyIndicator',
  firewall_event: 'firewallEvent',
  ip_version: 'ipVersion',
  direction: 'flowDirection',
  inputint: 'ingressInterface',
  outputint: 'egressInterface',
  if_name: 'interfaceName',
  if_descr: 'interfaceDescription',
  sampling_packet_interval: 'samplingPacketInterval',
  sampling_packet_space: 'samplingPacketSpace',
  flow_exporter: 'exportingProcessId',
  notsent_flows: 'notSentFlowTotalCount',
  notsent_packets: 'notSentPacketTotalCount',
  notsent_octets: 'notSentOctetTotalCount',
  ignore_packets: 'ignoredPacketTotalCount',
  ignore_octets: 'ignoredOctetTotalCount',
  observation_time_milliseconds: 'observationTimeMilliseconds',
  nat_event: 'natEvent',
  nat_instanceid: 'natInstanceID',
};
/** Elements that are shown in two parts, and what each part is worth in them. */
const PARTS: Readonly<Record<string, readonly [element: string, worth: number]>> = {
  icmp_ipv6_type: ['icmpTypeCodeIPv6', 256],
  icmp_ipv6_code: ['icmpTypeCodeIPv6', 1],
  forwarding_status: ['forwardingStatus', 64],
  forwarding_status_drop_code: ['forwardingStatus', 1],
};
/** Made up by tshark: the difference of the two times, and the length of a string. */
const DERIVED = new Set(['timedelta', 'string_len_short']);

/** What tshark thinks of the port alone, whatever is sent to it; a port that the system has given out may be such a one. */
const GUESS = /^Possible traceroute: /;

const FIELD = /^( *)<field name="([^"]*)"(?: showname="([^"]*)")?.*? show="([^"]*)"/;

/**
 * Reads IPFIX messages with tshark. Reverse elements (RFC 5103) carry their remark in the shown name. tshark shows the two
 * times of a flow under one name for seconds and milliseconds alike; the length of the value tells them apart.
 */
export async function readWithTshark(messages: readonly Uint8Array[], port = 4739): Promise<TsharkReading> {
  return withFolder(async folder => {
    const file = join(folder, 'messages.pcap');
    await writeFile(file, pcap(messages, port));
    return readCapture(file, port);
  });
}

/** The same from a file of captured packets. */
export async function readCapture(file: string, port = 4739): Promise<TsharkReading> {
  const child = spawn('tshark', ['-n', '-r', file, '-d', `udp.port==${port},cflow`, '-T', 'pdml'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH, LC_ALL: 'C', TZ: 'UTC' },
  });
  let stderr = '';
  child.stderr.on('data', chunk => (stderr += chunk));
  const closed = once(child, 'close');
  const reading = new PdmlReading();
  for await (const line of createInterface({ input: child.stdout })) reading.line(line);
  const [code] = await closed;
  if (code !== 0) throw new Error(`tshark: exit ${code}\n${stderr}`);
  return reading;
}

class PdmlReading implements TsharkReading {
  readonly records: OracleRecord[] = [];
  readonly complaints: string[] = [];
  readonly unknown: string[] = [];
  largest = 0;
  #flowIndent = -1;
  #size = '';

  line(line: string): void {
    const cflow = /<proto name="cflow".* size="(\d+)"/.exec(line);
    if (cflow) this.#size = cflow[1];
    const match = FIELD.exec(line);
    if (!match) return;
    const [, indent, name, shown = '', text] = match;
    if (name === 'ip.len') this.largest = Math.max(this.largest, Number(text));
    if (name === '_ws.expert.message' && !GUESS.test(text)) this.complaints.push(unescape(text));
    if (name === 'cflow.len' && text !== this.#size)
      this.complaints.push(`${this.#size} octets, of which the header says ${text}`);
    if (name === '' && /^Flow \d+$/.test(text)) {
      this.#flowIndent = indent.length;
      this.records.push({});
    } else if (indent.length <= this.#flowIndent) {
      this.#flowIndent = -1;
    } else if (this.#flowIndent >= 0 && name.startsWith('cflow.')) {
      this.#field(name.slice('cflow.'.length), shown, unescape(text), line);
    }
  }

  #field(name: string, shown: string, text: string, line: string): void {
    // flowDurationMilliseconds has the name of what tshark works out itself
    if (name === 'timedelta' && / size="4" /.test(line))
      this.records.at(-1)!['flowDurationMilliseconds'] = String(Math.round(Number(text) * 1000));
    if (DERIVED.has(name)) return;
    const record = this.records.at(-1)!;
    if (PARTS[name]) {
      const [part, worth] = PARTS[name];
      record[part] = String(Number(record[part] ?? 0) + Number(text) * worth);
      return;
    }
    let element = ELEMENTS[name];
    if (!element) {
      this.unknown.push(shown);
      return;
    }
    if (element === 'flowStart' || element === 'flowEnd')
      element += / size="8" /.test(line) ? 'Milliseconds' : 'Seconds';
    if (shown.includes('(Reverse Type')) element = `reverse${element[0].toUpperCase()}${element.slice(1)}`;
    record[element] = value(name, text);
  }
}

function value(name: string, text: string): string {
  if (/time/.test(name)) return String(Date.parse(text.replace(/(\.\d{3})\d*/, '$1')));
  if (name === 'post_key') return String(BigInt(`0x${text.replaceAll(':', '')}`));
  if (text.startsWith('0x')) return String(Number(text));
  return /addr/.test(name) ? canonicalAddress(text) : text;
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
