/** RFC 7011 11.1: TLS and DTLS in version 1.2 or newer, on both sides. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { Collector } from '../../src/collector/collector.js';
import { parseEndpoint, type Endpoint } from '../../src/common/endpoint.js';
import { meaningOf } from '../../src/destination/failure-meaning.js';
import { DtlsTransport } from '../../src/transport/dtls/transport.js';
import { TcpTransport } from '../../src/transport/tcp.js';
import { TlsClient } from '../../src/transport/tls-client.js';
import { backends } from '../helpers/backends.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { TransportLog } from '../helpers/fakes/transport-log.js';
import { needs } from '../helpers/kernel/require.js';
import { certificates } from '../helpers/tls/certificates.js';
import { OpensslServer } from '../helpers/tls/openssl-server.js';

const rigged = needs(test, ['openssl']);
const native = backends().find(({ name }) => name === 'native');
// the fallback alone has no DTLS
const dtls = native ? rigged : () => {};
/** Of the version before; OpenSSL 3 has no cipher for it otherwise. */
const CIPHERS = 'ALL:@SECLEVEL=0';
const TOO_OLD = /neither TLS 1\.2 nor TLS 1\.3, nor DTLS 1\.2/;

rigged('RFC 7011 11.1: a collector of TLS 1.1 gets no record, and the log says why', async t => {
  const { collector, ours } = certificates();
  const [cert, key] = [readFileSync(collector.tlsCertificate), readFileSync(collector.tlsKey)];
  const server = createServer({ cert, key, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: CIPHERS });
  server.listen(0, QUIET_HOST);
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const endpoint = { protocol: 'tls', host: QUIET_HOST, port: (server.address() as AddressInfo).port } as const;
  const transport = new TcpTransport(endpoint, {
    reconnectInterval: 60_000,
    collectorBuffer: 32 << 20,
    limitUnsent: () => false,
    tls: new TlsClient(endpoint, { tlsCa: ours.tlsCa }, t.fail as () => void),
  });
  t.teardown(() => transport.close(0));
  const log = new TransportLog();
  await transport.open(log);
  t.regex(meaningOf((await log.nth(1)).replace('closed: ', ''))!, TOO_OLD);
  t.deepEqual([transport.counts.connects, transport.ready], [0, false]);
});

dtls('RFC 7011 11.1: a collector of DTLS 1.0 gets no record', async t => {
  const { collector, ours } = certificates();
  const server = await OpensslServer.listen(t, QUIET_HOST, collector, '-dtls1', '-timeout', '-cipher', CIPHERS);
  const transport = new DtlsTransport(
    { protocol: 'dtls', host: QUIET_HOST, port: server.port },
    { mtu: 512, reconnectInterval: 60_000, handshakeInterval: 3_600_000, tlsCa: ours.tlsCa },
    { createContext: native!.createDtlsContext, connect: native!.connectDatagram, trouble: t.fail as () => void },
  );
  t.teardown(() => transport.close(0));
  const log = new TransportLog();
  await transport.open(log);
  // openssl finds no cipher in common, or the version too old, whichever it looks at first
  t.regex(await log.nth(1), /^closed: ERR_SSL_/);
  t.deepEqual([transport.counts.connects, transport.ready], [0, false]);
});

/** @returns the address of a collector that wants no certificate */
async function collecting(t: ExecutionContext, protocol: 'tls' | 'dtls'): Promise<Endpoint> {
  const { tlsCertificate, tlsKey } = certificates().collector;
  const collector = new Collector({
    listen: [parseEndpoint(`${protocol}://${QUIET_HOST}:0`)],
    onRecord: () => {},
    onTrouble: () => {},
    tls: { tlsCertificate, tlsKey },
    ...(native && { createDtlsContext: native.createDtlsContext }),
  });
  t.teardown(() => collector.close());
  const [endpoint] = await collector.open();
  return endpoint;
}

/** What openssl says of a handshake of this version, before it is over. */
async function handshake({ host, port }: Endpoint, version: string): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `${host}:${port}`, version, '-cipher', CIPHERS]);
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', chunk => (said += String(chunk)));
  child.stdin.end();
  await once(child, 'close');
  return said;
}

rigged('RFC 7011 11.1: an exporter of TLS 1.1 is refused, and one of TLS 1.2 is not', async t => {
  const endpoint = await collecting(t, 'tls');
  t.regex(await handshake(endpoint, '-tls1_1'), /alert protocol version/);
  t.regex(await handshake(endpoint, '-tls1_2'), /Protocol *: TLSv1\.2/);
});

dtls('RFC 7011 11.1: an exporter of DTLS 1.0 is refused, and one of DTLS 1.2 is not', async t => {
  const endpoint = await collecting(t, 'dtls');
  t.regex(await handshake(endpoint, '-dtls1'), /alert protocol version/);
  t.regex(await handshake(endpoint, '-dtls1_2'), /Protocol *: DTLSv1\.2/);
});
