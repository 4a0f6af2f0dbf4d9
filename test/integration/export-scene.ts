import { Capture } from '../helpers/kernel/capture.js';
import { startExporter, type BackendName } from '../helpers/kernel/command.js';
import { settledConnections, type ListedConnection } from '../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { Nfacctd } from '../helpers/oracles/nfacctd.js';
import { Nfcapd, type NfcapdReading } from '../helpers/oracles/nfcapd.js';
import type { OracleRecord } from '../helpers/oracles/record.js';
import { lacking } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { furnish, perform } from './scene.js';

const PORTS = { udp: 4739, nfcapd: 4740, nfacctd: 4741, tcp: 4742, antrea: 4743, netfilter: 4744 } as const;

/** What became of one scene: the kernel's table at its end, and what each collector received. */
export interface Exported {
  readonly listed: readonly ListedConnection[];
  /** Messages over UDP, profile standard. */
  readonly udp: readonly Buffer[];
  /** The same session's like over TCP: what came on each connection. */
  readonly tcp: readonly Buffer[];
  /** Profile antrea. */
  readonly antrea: readonly Buffer[];
  /** Profile standard with Netfilter's elements. */
  readonly netfilter: readonly Buffer[];
  /** Undefined where the collector is not installed. */
  readonly nfcapd: NfcapdReading | undefined;
  readonly nfacctd: readonly OracleRecord[] | undefined;
}

/** Exports a scene to every collector there is, from before its first packet to after its last. */
export async function exportScene(backend: BackendName): Promise<Exported> {
  let close = async (): Promise<void> => {};
  const namespace = await PrivateNamespace.create({ teardown: done => (close = done) });
  try {
    await furnish(namespace);
    const receiver = new Traffic(namespace);
    const [udp, tcp, antrea, netfilter] = await Promise.all([
      Capture.udp(receiver, PORTS.udp),
      Capture.tcp(receiver, PORTS.tcp),
      Capture.udp(receiver, PORTS.antrea),
      Capture.udp(receiver, PORTS.netfilter),
    ]);
    const nfcapd = lacking('nfcapd') ? undefined : await Nfcapd.listen(namespace, PORTS.nfcapd);
    const nfacctd = lacking('nfacctd') ? undefined : await Nfacctd.listen(namespace, PORTS.nfacctd);
    const at = (port: number, protocol = 'udp') => `${protocol}://127.0.0.1:${port}`;
    // the last record of each says that it was open, also where its packets were exported before
    const start = (collectors: string[], flags = '') =>
      startExporter(namespace, backend, collectors, `--zero-delta-records ${flags}`.trim());
    const exporters = [
      await start([at(PORTS.udp), at(PORTS.tcp, 'tcp')]),
      // nfcapd takes options data for lost records
      await start([at(PORTS.nfcapd), at(PORTS.nfacctd)], '--options-interval 0s'),
      await start([at(PORTS.antrea)], '--profile antrea'),
      await start([at(PORTS.netfilter)], '--netfilter-elements'),
    ];
    await perform(namespace);
    const listed = await settledConnections(namespace);
    for (const exporter of exporters) {
      const { code, stderr } = await exporter.stop();
      if (code !== 0) throw new Error(`ctflow run: exit ${code}\n${stderr}`);
    }
    return {
      listed,
      udp: await udp.everything(),
      tcp: await tcp.everything(),
      antrea: await antrea.everything(),
      netfilter: await netfilter.everything(),
      nfcapd: await nfcapd?.stop(),
      nfacctd: await nfacctd?.stop(),
    };
  } finally {
    await close();
  }
}
