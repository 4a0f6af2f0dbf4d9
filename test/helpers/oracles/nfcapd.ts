import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect, type Finished, type PrivateNamespace } from '../kernel/namespace.js';
import { canonicalAddress, ofFamily, type OracleRecord } from './record.js';

export interface NfcapdReading {
  readonly records: OracleRecord[];
  /** nfcapd's own closing count: octets and packets of both directions together. */
  readonly flows: number;
  readonly packets: bigint;
  readonly octets: bigint;
  readonly sequenceErrors: number;
  readonly badPackets: number;
}

/** A line of `nfdump -o raw`, and the information element it was read from. */
const ELEMENTS: Readonly<Record<string, string>> = {
  first: 'flowStartMilliseconds',
  last: 'flowEndMilliseconds',
  proto: 'protocolIdentifier',
  'src port': 'sourceTransportPort',
  'dst port': 'destinationTransportPort',
  'in packets': 'packetDeltaCount',
  'in bytes': 'octetDeltaCount',
  'out packets': 'reversePacketDeltaCount',
  'out bytes': 'reverseOctetDeltaCount',
  'src addr': 'sourceIPv4Address',
  'dst addr': 'destinationIPv4Address',
  'biFlow Dir': 'biflowDirection',
  'end reason': 'flowEndReason',
  'src xlt ip': 'postNATSourceIPv4Address',
  'dst xlt ip': 'postNATDestinationIPv4Address',
  'src xlt port': 'postNAPTSourceTransportPort',
  'dst xlt port': 'postNAPTDestinationTransportPort',
  'ingress VRF': 'ingressVRFID',
  'egress VRF': 'egressVRFID',
  input: 'ingressInterface',
  output: 'egressInterface',
  direction: 'flowDirection',
  'nat event': 'natEvent',
  'Event time': 'observationTimeMilliseconds',
};
/** At the end of each file. */
const CLOSING = /Flows: (\d+), Packets: (\d+), Bytes: (\d+), Sequence Errors: (\d+), Bad Packets: (\d+)/g;
/** Seconds of a file. Whatever they are, nfcapd begins a new one where they have passed since 1970: here at a full hour. */
const HOUR = 3600;

/**
 * nfcapd, listening in a namespace. It knows one pair of counters a direction: of totals and deltas the last in the template
 * wins, which are the deltas. It passes over other enterprises' elements and the IPv6 addresses after NAT, and reads times
 * in milliseconds only.
 */
export class Nfcapd {
  readonly #namespace: PrivateNamespace;
  readonly #folder: string;
  readonly #end: () => Promise<Finished>;

  private constructor(namespace: PrivateNamespace, folder: string, end: () => Promise<Finished>) {
    this.#namespace = namespace;
    this.#folder = folder;
    this.#end = end;
  }

  /** @param seconds of a file; @param buffer octets of its socket's receive buffer, 0 for the system's default */
  static async listen(namespace: PrivateNamespace, port: number, seconds = HOUR, buffer = 4 << 20): Promise<Nfcapd> {
    const folder = await mkdtemp(join(tmpdir(), 'ctflow-nfcapd-'));
    namespace.atEnd(() => rm(folder, { recursive: true, force: true }));
    const args = ['-b', '127.0.0.1', '-p', String(port), '-w', folder, '-t', String(seconds)];
    if (buffer > 0) args.push('-B', String(buffer));
    const child = namespace.spawn('nfcapd', args);
    const finished = collect(child, { timeout: 600_000 });
    await namespace.listening('udp', port);
    return new Nfcapd(namespace, folder, async () => {
      await namespace.drained(port, child);
      child.kill('SIGTERM');
      return finished;
    });
  }

  /** The files that it has finished, in the order of time. */
  async files(): Promise<string[]> {
    return (await readdir(this.#folder)).filter(name => /^nfcapd\.\d+$/.test(name)).sort();
  }

  /** Ends nfcapd and reads what it stored. */
  async stop(): Promise<NfcapdReading> {
    const { code, stderr } = await this.#end();
    const closings = [...stderr.matchAll(CLOSING)].map(counts => counts.slice(1).map(BigInt));
    const files = await this.files();
    if (code !== 0 || closings.length !== files.length)
      throw new Error(`nfcapd: exit ${code}, ${files.length} files\n${stderr}`);
    const records: OracleRecord[] = [];
    for (const file of files) {
      const raw = await this.#namespace.run('nfdump', ['-q', '-r', join(this.#folder, file), '-o', 'raw']);
      records.push(...raw.split('Flow Record:').slice(1).map(parseRaw));
    }
    const sum = (count: number): bigint => closings.reduce((all, counts) => all + counts[count], 0n);
    return {
      records,
      flows: Number(sum(0)),
      packets: sum(1),
      octets: sum(2),
      sequenceErrors: Number(sum(3)),
      badPackets: Number(sum(4)),
    };
  }
}

function parseRaw(text: string): OracleRecord {
  const record: OracleRecord = {};
  for (const line of text.split('\n')) {
    const match = /^ {2}(.+?) += +(\S+)/.exec(line);
    if (!match) continue;
    const [, label, value] = match;
    const element = ELEMENTS[label];
    if (label === 'ICMP') {
      const [type, code] = value.split('.').map(Number);
      record[record['protocolIdentifier'] === '58' ? 'icmpTypeCodeIPv6' : 'icmpTypeCodeIPv4'] = String(
        type * 256 + code,
      );
    } else if (element && /addr| ip$/.test(label)) {
      record[ofFamily(element, value)] = canonicalAddress(value);
    } else if (element && !(/put$|^direction$/.test(label) && value === '0')) {
      // without interfaces and a direction it shows 0
      // and behind a number its name
      record[element] = value.startsWith('0x') ? String(Number(value)) : value.replace(/:$/, '');
    }
  }
  return record;
}
