import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { formatHostPort, type Endpoint } from '../common/endpoint.js';
import { bindError, peerAddress, resolveHost, type Listener } from './listener.js';
import { MessageFramer } from './message-framer.js';
import type { MalformedReason } from './stats.js';

const KEEP_ALIVE_DELAY = 60_000;

/** What happens on a connection. */
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
  const options = { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY };
  const server = createServer(options, socket => {
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
  // Accepting failed for one peer (EMFILE); the server continues.
  server.on('error', () => handlers.onRefused());
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
  socket.on('end', () => {
    onEnd();
    socket.end();
  });
  socket.on('error', onEnd); // reset by the peer
  socket.on('close', () => session.onClose());
}
