import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { formatHostPort, type Endpoint } from '../common/endpoint.js';
import { bindError, peerAddress, peerOf, resolveHost, type Listener } from './listener.js';

const KEEP_ALIVE_DELAY = 60_000;

/** Called for each connection; `from` is `tcp://192.0.2.1:40000`, `peer` who is behind it. Whoever is called reads it. */
export type OnConnection = (socket: Socket, from: string, peer: string) => void;

/**
 * @param onRefused accepting a connection failed
 * @throws CtflowError CTFLOW_ADDRESS
 */
export async function listenTcp(
  endpoint: Endpoint,
  onConnection: OnConnection,
  onRefused: () => void,
): Promise<Listener> {
  const { address } = await resolveHost(endpoint);
  const sockets = new Set<Socket>();
  let activity = 0;
  const options = { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY };
  const server = createServer(options, socket => {
    activity++;
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy(); // gone before it was accepted
      return;
    }
    sockets.add(socket);
    socket.on('data', () => activity++);
    socket.on('close', () => {
      activity++;
      sockets.delete(socket);
    });
    onConnection(socket, `tcp://${formatHostPort(peerAddress(remoteAddress), remotePort)}`, peerOf(remoteAddress));
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
