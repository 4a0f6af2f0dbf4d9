/** What goes over TLS to openssl, with a certificate of each side. */
import { elementByName } from '../../../src/ipfix/registry.js';
import { TcpTransport } from '../../../src/transport/tcp.js';
import { TlsClient } from '../../../src/transport/tls-client.js';
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

/** @param flag of `openssl s_server` */
function over(protocol: string, flag: string): Taker {
  return {
    name: `openssl, ${protocol}`,
    dialect: { ...WITH_INTERFACES, netfilterElements: true },
    run: `openssl s_server, which wants a client certificate; what it gives on, read by ipfixDump`,
    lacks: () => without('openssl', 'ipfixDump'),
    version: () => packageVersion('openssl'),
    async read(messages, scope) {
      const stream = Buffer.concat(messages);
      const output = await passOn(messages, flag, scope);
      const at = output.indexOf(stream);
      if (at < 0) throw new Error('openssl has given on other octets than were sent');
      return readWithIpfixDump(output.subarray(at, at + stream.length), TAUGHT);
    },
  };
}

/** @returns all that openssl writes */
async function passOn(messages: readonly Buffer[], flag: string, scope: Scope): Promise<Buffer> {
  const authority = new Authority('interop');
  const wants = ['-CAfile', authority.tlsCa, '-Verify', '1', '-verify_return_error'];
  const certificate = authority.issue({ names: [`IP:${HOST}`] });
  const server = await OpensslServer.listen(scope, HOST, certificate, flag, ...wants);
  const endpoint = { protocol: 'tls', host: HOST, port: server.port } as const;
  const options = { tlsCa: authority.tlsCa, ...authority.issue({ names: ['DNS:exporter.test'] }) };
  const log = new TransportLog();
  const transport = new TcpTransport(endpoint, {
    reconnectInterval: 60_000,
    collectorBuffer: 1 << 20,
    limitUnsent: () => false,
    tls: new TlsClient(endpoint, options, error => {
      throw error;
    }),
  });
  scope.teardown(() => transport.close(0));
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

export const opensslTls13 = over('TLS 1.3', '-tls1_3');
export const opensslTls12 = over('TLS 1.2', '-tls1_2');
