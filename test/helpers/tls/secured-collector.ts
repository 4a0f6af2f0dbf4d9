import test, { type ExecutionContext } from 'ava';
import type { Backend } from '../../../src/backend/backend.js';
import { Collector } from '../../../src/collector/collector.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { isSecured, type Endpoint } from '../../../src/common/endpoint.js';
import type { TlsFileNames } from '../../../src/transport/tls-options.js';
import { backends } from '../backends.js';
import { TcpCollector, udpCollector, type CollectorSocket } from '../fakes/collector-socket.js';
import { needs } from '../kernel/require.js';
import { certificates } from './certificates.js';

export const PROTOCOLS = ['udp', 'tcp', 'tls', 'dtls'] as const;
/** What an exporter needs to be let in. */
export function exporterFiles(): TlsFileNames {
  const { ours, exporter } = certificates();
  return { tlsCa: ours.tlsCa, ...exporter };
}

/** What a collector at this address needs, which wants certificates of its exporters. */
export function collectorFiles(host: string): TlsFileNames {
  const { ours } = certificates();
  return { tlsCa: ours.tlsCa, ...ours.issue({ names: [`IP:${host}`] }) };
}

/** ctflow's own collector, which wants a certificate of its exporters, and what came to it. */
export async function securedCollector(
  t: ExecutionContext,
  protocol: 'tls' | 'dtls',
  host: string,
  port = 0,
): Promise<CollectorSocket & { close(): Promise<void> }> {
  const messages: Buffer[] = [];
  const records: CollectedRecord[] = [];
  const native = backends().find(({ name }) => name === 'native');
  const collector = new Collector({
    listen: [{ protocol, host, port }],
    tls: collectorFiles(host),
    ...(native && { createDtlsContext: native.createDtlsContext }),
    onMessage: bytes => messages.push(Buffer.from(bytes)),
    onRecord: record => records.push(record),
  });
  const [endpoint] = await collector.open();
  t.teardown(() => collector.close());
  return { endpoint, messages, records, close: async () => void (await collector.close(1_000)) };
}

/** A collector of any protocol. */
export function listenOver(
  t: ExecutionContext,
  protocol: Endpoint['protocol'],
  host: string,
): Promise<CollectorSocket> {
  if (protocol === 'udp') return udpCollector(t, host);
  return protocol === 'tcp' ? TcpCollector.listen(t, 0, host) : securedCollector(t, protocol, host);
}

type Implementation = (t: ExecutionContext, backend: Backend) => void | Promise<void>;

/** Registers a test for each backend that has the protocol. */
export function perBackendOver(protocol: Endpoint['protocol'], title: string, implementation: Implementation): void {
  for (const backend of backendsWith(protocol))
    register(protocol)(`${title} [${backend.name}]`, t => implementation(t, backend));
}

/** Registers a test once: where the backend plays no part but that one has the protocol. */
export function testOver(protocol: Endpoint['protocol'], title: string, implementation: Implementation): void {
  const [backend] = backendsWith(protocol);
  if (backend) register(protocol)(title, t => implementation(t, backend));
}

function backendsWith(protocol: Endpoint['protocol']): readonly Backend[] {
  return protocol === 'dtls' ? backends().filter(({ name }) => name === 'native') : backends();
}

function register(protocol: Endpoint['protocol']): ReturnType<typeof needs> {
  return needs(test, isSecured({ protocol }) ? ['openssl'] : []);
}
