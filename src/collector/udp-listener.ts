import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { formatHostPort, type Endpoint } from '../common/endpoint.js';
import { bindError, peerAddress, peerOf, resolveHost, type Listener } from './listener.js';

/** The system cuts it down to what it allows (net.core.rmem_max). */
const RECEIVE_BUFFER = 16 * 1024 * 1024;

/** Called for each datagram; `from` is `udp://192.0.2.1:40000`, `peer` who is behind it. */
export type OnDatagram = (bytes: Uint8Array, from: string, peer: string) => void;

/** @throws CtflowError CTFLOW_ADDRESS */
export async function bindUdp(endpoint: Endpoint): Promise<Socket> {
  const { address, family } = await resolveHost(endpoint);
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' });
  try {
    socket.bind(endpoint.port, address);
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw bindError(endpoint, error);
  }
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // Some systems refuse what is too much instead of giving what they can: the default stays.
  }
  // A receive error concerns one datagram; the socket stays open, and the sequence numbers show what is missing.
  socket.on('error', () => {});
  return socket;
}

/** @throws CtflowError CTFLOW_ADDRESS */
export async function listenUdp(endpoint: Endpoint, onDatagram: OnDatagram): Promise<Listener> {
  const socket = await bindUdp(endpoint);
  let activity = 0;
  socket.on('message', (bytes, { address: peer, port }) => {
    activity++;
    onDatagram(bytes, `udp://${formatHostPort(peerAddress(peer), port)}`, peerOf(peer));
  });
  return {
    endpoint: { ...endpoint, port: socket.address().port },
    get activity() {
      return activity;
    },
    drain: () => Promise.resolve(0), // UDP has no peer to close
    close: () => new Promise(resolve => socket.close(resolve)),
  };
}
