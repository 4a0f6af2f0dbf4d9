import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { formatHostPort, type Endpoint } from '../common/endpoint.js';
import { bindError, peerAddress, peerOf, resolveHost, type Listener } from './listener.js';

const KEEP_ALIVE_DELAY = 60_000;

/** Called for each connection; `from` is `tcp://192.0.2.1:40000`, `peer` who is behind it. Whoever is called reads it. */
export type OnConnection = (socket: Socket, from: string, peer: string) => void;

/** Of a server of streams. */
export const STREAMS = { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY } as const;

/**
 * @param onRefused accepting a connection failed
 * @throws CtflowError CTFLOW_ADDRESS
 */
export function listenTcp(endpoint: Endpoint, onConnection: OnConnection, onRefused: () => void): Promise<Listener> {
  return listenStreams(endpoint, createServer(STREAMS), 'connection', onConnection, onRefused);
}

/** Where a socket comes from, as an exporter and as who is behind it; undefined where it is gone already. */
export function originOf(protocol: 'tcp' | 'tls', socket: Socket): { from: string; peer: string } | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const from = `${protocol}://${formatHostPort(peerAddress(remoteAddress), remotePort)}`;
  return { from, peer: peerOf(remoteAddress) };
}

/** @param event of the server, with a connection that can be read */
export async function listenStreams(
  endpoint: Endpoint,
  server: Server,
  event: 'connection' | 'secureConnection',
  onConnection: OnConnection,
  onRefused: () => void,
): Promise<Listener> {
  const { address } = await resolveHost(endpoint);
  const sockets = new Set<Socket>();
  let activity = 0;
  server.on(event, (socket: Socket) => {
    activity++;
    const origin = originOf(endpoint.protocol === 'tls' ? 'tls' : 'tcp', socket);
    if (!origin) {
      socket.destroy(); // gone before it was accepted
      return;
    }
    sockets.add(socket);
    socket.on('data', () => activity++);
    socket.on('close', () => {
      activity++;
      sockets.delete(socket);
    });
    onConnection(socket, origin.from, origin.peer);
  });
  try {
    server.listen(endpoint.port, address);
    await once(server, 'listening');
  } catch (error) {
    throw bindError(endpoint, error);
  }
  // Accepting failed for one peer (EMFILE); the server continues.
  server.on('error', () => onRefused());
  return {
    endpoint: { ...endpoint, port: (server.address() as AddressInfo).port },
    get activity() {
      return activity;
    },
    drain: async graceMs => {
      server.close();
      const ended = allClosed(sockets);
      // an exporter that reads the FIN sends nothing new, and its own FIN comes behind what it had sent
      for (const socket of sockets) socket.end();
      let timer: NodeJS.Timeout | undefined;
      const timeUp = new Promise(resolve => (timer = setTimeout(resolve, graceMs)));
      await Promise.race([ended, timeUp]);
      clearTimeout(timer);
      return sockets.size;
    },
    close: async () => {
      const closed = allClosed(sockets);
      const free = server.listening ? once(server, 'close') : undefined;
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, free]);
    },
  };
}

/** Resolves when these have closed, in order or not. */
function allClosed(sockets: Iterable<Socket>): Promise<unknown> {
  return Promise.all(Array.from(sockets, socket => new Promise(resolve => socket.once('close', resolve))));
}
