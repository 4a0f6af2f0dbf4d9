import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../common/endpoint.js';
import type { SocketEnd } from '../row/own-connections.js';
import { resolveAll, type Address, type LocalEnd } from './addresses.js';

/** For the name, and for each address. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Why an attempt ended that nothing came back to. */
export const NO_ANSWER = 'no answer';

export interface DialOptions extends LocalEnd {
  /** The ends of a socket are known; what it returns is called when it has closed. */
  own?: ((local: SocketEnd, remote: SocketEnd) => () => void) | undefined;
}

/**
 * Looks a collector's name up and connects to the first of its addresses that answers, each in its turn.
 * @param signal gives up
 * @param secure makes of a TCP connection what is wanted; where it cannot, the next address has its turn
 * @throws the error of the last address
 */
export async function dial<T extends Socket>(
  { host, port }: Endpoint,
  options: DialOptions,
  signal: AbortSignal,
  secure: (tcp: Socket) => Promise<T> | T,
): Promise<T> {
  const addresses = await within(resolveAll(host, options), signal);
  let failure: unknown;
  for (const address of addresses) {
    let tcp: Socket | undefined;
    try {
      tcp = await connectTo(address, port, options, signal);
      signal.throwIfAborted();
      return await secure(tcp);
    } catch (error) {
      tcp?.destroy();
      failure = error;
      signal.throwIfAborted();
    }
  }
  throw failure;
}

function connectTo(
  { address, family }: Address,
  port: number,
  { localAddress, localPort, own }: DialOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connect({
    host: address,
    family,
    port,
    ...(localAddress !== undefined && { localAddress }),
    ...(localPort !== undefined && { localPort }),
    noDelay: true,
    keepAlive: true,
    allowHalfOpen: true,
  });
  let gone: (() => void) | undefined;
  const known = (): void => {
    const { localAddress: from, localPort: fromPort } = socket;
    if (gone || !from || !fromPort || !own) return;
    gone = own({ address: from, port: fromPort }, { address: socket.remoteAddress ?? address, port });
  };
  // an attempt that fails is this exporter's as well
  process.nextTick(known);
  socket.on('close', () => gone?.());
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error(NO_ANSWER)), CONNECT_TIMEOUT_MS);
    const giveUp = (): void => void socket.destroy();
    signal.addEventListener('abort', giveUp);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(NO_ANSWER)));
    socket.on('connect', () => {
      known();
      resolve(socket);
    });
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    socket.once('connect', settled).once('close', settled);
  });
}

/** What a promise brings, if it comes in time. */
function within<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(NO_ANSWER)), CONNECT_TIMEOUT_MS);
    const giveUp = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    });
  });
}
