import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../eventually.js';
import { collect, type Finished, type PrivateNamespace } from '../kernel/namespace.js';
import { canonicalAddress, ofFamily, type OracleRecord } from './record.js';

/** A key of pmacct's JSON, and the information element it was read from. */
const ELEMENTS: Readonly<Record<string, string>> = {
  ip_src: 'sourceIPv4Address',
  ip_dst: 'destinationIPv4Address',
  port_src: 'sourceTransportPort',
  port_dst: 'destinationTransportPort',
  ip_proto: 'protocolIdentifier',
  post_nat_ip_src: 'postNATSourceIPv4Address',
  post_nat_ip_dst: 'postNATDestinationIPv4Address',
  post_nat_port_src: 'postNAPTSourceTransportPort',
  post_nat_port_dst: 'postNAPTDestinationTransportPort',
  timestamp_start: 'flowStartMilliseconds',
  timestamp_end: 'flowEndMilliseconds',
  packets: 'packetDeltaCount',
  bytes: 'octetDeltaCount',
  nat_event: 'natEvent',
};

/**
 * nfacctd, listening in a namespace. It ignores reverse elements and every other enterprise's, has one pair of counters (the
 * last in the template wins: the deltas), and shows an element that a template lacks as zero or empty, which is left out
 * here. Records alike in everything but the counters become one, their counters summed.
 */
export class Nfacctd {
  readonly #folder: string;
  readonly #end: () => Promise<Finished>;

  private constructor(folder: string, end: () => Promise<Finished>) {
    this.#folder = folder;
    this.#end = end;
  }

  static async listen(namespace: PrivateNamespace, port: number): Promise<Nfacctd> {
    const folder = await mkdtemp(join(tmpdir(), 'ctflow-nfacctd-'));
    namespace.atEnd(() => rm(folder, { recursive: true, force: true }));
    const settings = {
      daemonize: 'false',
      nfacctd_ip: '127.0.0.1',
      nfacctd_port: port,
      nfacctd_pipe_size: 4 << 20,
      plugins: 'print',
      print_output: 'json',
      print_output_file: join(folder, 'records.json'),
      print_refresh_time: 3600,
      print_num_protos: 'true',
      timestamps_since_epoch: 'true',
      aggregate:
        'src_host,dst_host,src_port,dst_port,proto,timestamp_start,timestamp_end,' +
        'post_nat_src_host,post_nat_dst_host,post_nat_src_port,post_nat_dst_port,nat_event',
    };
    const file = join(folder, 'nfacctd.conf');
    await writeFile(
      file,
      `${Object.entries(settings)
        .map(([key, value]) => `${key}: ${value}\n`)
        .join('')}`,
    );
    const child = namespace.spawn('nfacctd', ['-f', file]);
    const finished = collect(child, { timeout: 600_000 });
    let log = '';
    child.stderr.on('data', chunk => (log += chunk));
    await eventually('the print plugin of nfacctd is ready', () => log.includes('setting object handlers'));
    await namespace.listening('udp', port);
    return new Nfacctd(folder, async () => {
      await namespace.drained(port, child);
      child.kill('SIGINT');
      return finished;
    });
  }

  /** Ends nfacctd, which then writes what it has. */
  async stop(): Promise<OracleRecord[]> {
    const { code, stderr } = await this.#end();
    if (code !== 0) throw new Error(`nfacctd: exit ${code}\n${stderr}`);
    const lines = await readFile(join(this.#folder, 'records.json'), 'utf8');
    return lines
      .split('\n')
      .filter(line => line)
      .map(parseLine);
  }
}

function parseLine(line: string): OracleRecord {
  const record: OracleRecord = {};
  const read = JSON.parse(line) as Record<string, unknown>;
  const isEvent = Number(read['nat_event'] ?? 0) > 0;
  for (const [key, value] of Object.entries(read)) {
    // the one time of an event stands in the place of a start
    const element = isEvent && key === 'timestamp_start' ? 'observationTimeMilliseconds' : ELEMENTS[key];
    const text = String(value);
    if (!element || text === '' || (/port|event/.test(key) && text === '0')) continue;
    if (key.startsWith('timestamp')) record[element] = String(Math.round(Number(text) * 1000));
    else if (/ip_(src|dst)$/.test(key)) record[ofFamily(element, text)] = canonicalAddress(text);
    else record[element] = text;
  }
  return record;
}
