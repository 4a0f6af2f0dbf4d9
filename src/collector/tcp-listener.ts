import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { formatHostPort, type Endpoint } from '../endpoint.js';
import { bindError, peerAddress, resolveHost, type Listener } from './listener.js';
import { MessageFramer } from './message-framer.js';
import type { MalformedReason } from './stats.js';

const KEEP_ALIVE_DELAY = 60_000;

/** What a connection does, each told its peer. */
export interface StreamHandlers {
  /** A connection was accepted from `tcp://192.0.2.1:40000`; the handlers of its session. */
  onConnection(from: string): StreamSession;
  /** A connection was refused at the limit. */
  onRefused(): void;
}

export interface StreamSession {
  onMessage(bytes: Uint8Array): void;
  /** The stream is no IPFIX, or ended within a message. It is closed. */
  onFault(reason: MalformedReason): void;
  onClose(): void;
}

/**
 * @param limit connections at the same time
 * @throws CtflowError CTFLOW_ADDRESS
 */
export async function listenTcp(endpoint: Endpoint, limit: number, handlers: StreamHandlers): Promise<Listener> {
  const { address } = await resolveHost(endpoint);
  const sockets = new Set<Socket>();
  let activity = 0;
  const server = createServer({ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY }, socket => {
    activity++;
    sockets.add(socket);
    socket.on('data', () => activity++);
    socket.on('close', () => {
      activity++;
      sockets.delete(socket);
    });
    serve(socket, handlers);
  });
  server.maxConnections = limit;
  server.on('drop', () => handlers.onRefused());
  try {
    server.listen(endpoint.port, address);
    await once(server, 'listening');
  } catch (error) {
    throw bindError(endpoint, error);
  }
  // Accepting failed for one peer (EMFILE); the server goes on.
  server.on('error', () => handlers.onRefused());
  return {
    endpoint: { ...endpoint, port: (server.address() as AddressInfo).port },
    get activity() {
      return activity;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(socket: Socket, handlers: StreamHandlers): void {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) {
    socket.destroy(); // gone before it was accepted
    return;
  }
  const session = handlers.onConnection(`tcp://${formatHostPort(peerAddress(remoteAddress), remotePort)}`);
  const framer = new MessageFramer();
  const onEnd = () => {
    if (framer.incomplete) session.onFault('truncated');
  };
  socket.on('data', chunk => {
    const fault = framer.push(chunk as Buffer, bytes => session.onMessage(bytes));
    if (fault !== undefined) {
      socket.destroy();
      session.onFault(fault);
    }
  });
  socket.on('end', onEnd);
  socket.on('error', onEnd); // reset by the peer
  socket.on('close', () => session.onClose());
}
