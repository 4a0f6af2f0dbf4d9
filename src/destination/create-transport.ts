import type { Backend } from '../backend/backend.js';
import type { OwnConnections } from '../row/own-connections.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../row/protocol.js';
import type { DestinationEndpoint } from '../common/destination-endpoint.js';
import type { ConnectDatagram } from '../transport/datagram-socket.js';
import { DtlsTransport, type DtlsOptions } from '../transport/dtls/transport.js';
import { FileTransport, type FileOptions } from '../transport/file.js';
import { TcpTransport, type TcpTransportOptions } from '../transport/tcp.js';
import { TlsClient } from '../transport/tls-client.js';
import type { TlsClientOptions } from '../transport/tls-options.js';
import type { Transport } from '../transport/transport.js';
import { UdpTransport, type UdpOptions } from '../transport/udp.js';

/** What a transport needs beside its options; each takes its part. */
export type TransportOptions = UdpOptions &
  FileOptions &
  TlsClientOptions &
  Pick<DtlsOptions, 'handshakeInterval'> &
  Pick<TcpTransportOptions, 'reconnectInterval' | 'connectionLifetime' | 'collectorBuffer'>;

export interface TransportHooks {
  /** Where its sockets are noted. */
  readonly own?: OwnConnections;
  /** TLS and DTLS: files that changed could not be read. */
  readonly tlsFailed: (error: unknown) => void;
}

/** The transport to a collector, or into files. */
export function createTransport(
  endpoint: DestinationEndpoint,
  options: TransportOptions,
  backend: Backend,
  { own, tlsFailed }: TransportHooks,
): Transport {
  switch (endpoint.protocol) {
    case 'udp':
      return new UdpTransport(endpoint, options, own ? noting(own, backend.connectDatagram) : backend.connectDatagram);
    case 'tcp':
    case 'tls':
      return new TcpTransport(endpoint, {
        ...options,
        limitUnsent: (fd, octets) => backend.limitUnsent(fd, octets),
        own: own && ((local, remote) => own.opened(IPPROTO_TCP, local, remote)),
        tls: endpoint.protocol === 'tls' ? new TlsClient(endpoint, options, tlsFailed) : undefined,
      });
    case 'dtls':
      return new DtlsTransport(endpoint, options, {
        createContext: backend.createDtlsContext,
        connect: backend.connectDatagram,
        own: own && ((local, remote) => own.opened(IPPROTO_UDP, local, remote)),
        trouble: tlsFailed,
      });
    case 'file':
      // Node alone has no locks
      return new FileTransport(endpoint, {
        ...options,
        lock: fd => backend.name === 'fallback' || backend.lockFile(fd),
      });
  }
}

/** Makes sockets that are noted as this exporter's as long as they are open. */
function noting(own: OwnConnections, connect: ConnectDatagram): ConnectDatagram {
  return async (to, listener) => {
    const socket = await connect(to, listener);
    const { local } = socket;
    const closed = local && own.opened(IPPROTO_UDP, local, to);
    const close = socket.close.bind(socket);
    socket.close = () => {
      closed?.();
      return close();
    };
    return socket;
  };
}
