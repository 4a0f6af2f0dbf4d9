/** What goes over TLS and DTLS to openssl, with a certificate of each side. */
import { loadBackend } from '../../../src/backend/load.js';
import type { CtflowError } from '../../../src/common/errors.js';
import type { Endpoint } from '../../../src/common/endpoint.js';
import { elementByName } from '../../../src/ipfix/registry.js';
import { DtlsTransport } from '../../../src/transport/dtls/transport.js';
import { TcpTransport } from '../../../src/transport/tcp.js';
import { TlsClient } from '../../../src/transport/tls-client.js';
import type { TlsFileNames } from '../../../src/transport/tls-options.js';
import { eventually } from '../../../test/helpers/eventually.js';
import { TransportLog } from '../../../test/helpers/fakes/transport-log.js';
import type { Scope } from '../../../test/helpers/kernel/scope.js';
import { readWithIpfixDump } from '../../../test/helpers/oracles/ipfix-dump.js';
import { Authority } from '../../../test/helpers/tls/authority.js';
import { OpensslServer } from '../../../test/helpers/tls/openssl-server.js';
import { WITH_INTERFACES } from '../dialect.js';
import { packageVersion, without } from './programs.js';
import type { Taker } from './taker.js';

const HOST = '127.0.0.1';
const TAUGHT = ['mark', 'conntrack_id', 'tcpState', 'tcpStatePrevList'].map(elementByName);

type Open = (port: number, files: TlsFileNames) => Promise<TcpTransport | DtlsTransport>;

/** @param flags of `openssl s_server` */
function over(protocol: string, flags: readonly string[], open: Open, ...needs: readonly string[]): Taker {
  return {
    name: `openssl, ${protocol}`,
    dialect: { ...WITH_INTERFACES, netfilterElements: true },
    run: `openssl s_server, which wants a client certificate; what it gives on, read by ipfixDump`,
    lacks: () => without('openssl', 'ipfixDump', ...needs),
    version: () => packageVersion('openssl'),
    async read(messages, scope) {
      const stream = Buffer.concat(messages);
      const output = await passOn(messages, flags, open, scope);
      const at = output.indexOf(stream);
      if (at < 0) throw new Error('openssl has given on other octets than were sent');
      return readWithIpfixDump(output.subarray(at, at + stream.length), TAUGHT);
    },
  };
}

/** @returns all that openssl writes */
async function passOn(
  messages: readonly Buffer[],
  flags: readonly string[],
  open: Open,
  scope: Scope,
): Promise<Buffer> {
  const authority = new Authority('interop');
  const wants = ['-CAfile', authority.tlsCa, '-Verify', '1', '-verify_return_error'];
  const certificate = authority.issue({ names: [`IP:${HOST}`] });
  const server = await OpensslServer.listen(scope, HOST, certificate, ...flags, ...wants);
  const files = { tlsCa: authority.tlsCa, ...authority.issue({ names: ['DNS:exporter.test'] }) };
  const transport = await open(server.port, files);
  scope.teardown(() => transport.close(0));
  const log = new TransportLog();
  await transport.open(log);
  const first = await log.nth(1);
  if (first !== 'opened') throw new Error(first);
  const lengths = Uint32Array.from(messages.flatMap(({ length }) => [length, 1]));
  transport.send(Buffer.concat(messages), lengths, messages.length);
  const last = messages.at(-1)!;
  await eventually('the last message', () => server.output.includes(last));
  await transport.close(1_000);
  await server.kill();
  return server.output;
}

const to = <P extends Endpoint['protocol']>(protocol: P, port: number) => ({ protocol, host: HOST, port });
const trouble = (error: CtflowError): never => {
  throw error;
};

function overTls(port: number, files: TlsFileNames): Promise<TcpTransport> {
  const endpoint = to('tls', port);
  const tls = new TlsClient(endpoint, files, trouble);
  const options = { reconnectInterval: 60_000, collectorBuffer: 1 << 20, limitUnsent: () => false, tls };
  return Promise.resolve(new TcpTransport(endpoint, options));
}

async function overDtls(port: number, files: TlsFileNames): Promise<DtlsTransport> {
  const { createDtlsContext: createContext, connectDatagram: connect } = await loadBackend('native');
  const options = { mtu: 'path', reconnectInterval: 60_000, handshakeInterval: 3_600_000, ...files } as const;
  return new DtlsTransport(to('dtls', port), options, { createContext, connect, trouble });
}

export const opensslTls13 = over('TLS 1.3', ['-tls1_3'], overTls);
export const opensslTls12 = over('TLS 1.2', ['-tls1_2'], overTls);
export const opensslDtls12 = over('DTLS 1.2', ['-dtls1_2', '-timeout'], overDtls, 'native');
