import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectDatagram, DatagramAddress } from './datagram-socket.js';

/** Milliseconds between two looks for the answer to a probe. */
const PROBE_LOOK_MS = 20;
/** Looks at least: a process that was held up until the time was over has not yet seen an error. */
const PROBE_LOOKS = 3;

/**
 * Sends a message over a socket of its own and waits for an ICMP error.
 * @param patience milliseconds without one, after which somebody may be there
 * @param isOver nobody wants to know any more
 * @throws an error with the errno's name as its `code`: that of the ICMP error, or where there is no route
 */
export async function probeDatagram(
  connect: ConnectDatagram,
  to: DatagramAddress,
  message: Uint8Array,
  patience: number,
  isOver: () => boolean = () => false,
): Promise<void> {
  let errno = '';
  const socket = await connect(to, {
    sent: () => {},
    refused: why => (errno ||= why),
    failed: why => {
      errno ||= why;
      return false;
    },
    // the socket of the session asks again
    unsegmented: () => {},
    ready: () => {},
  });
  socket.send(message, Uint32Array.of(message.length, 0), 1);
  const deadline = performance.now() + patience;
  for (let looks = 0; looks < PROBE_LOOKS || performance.now() < deadline; looks++) {
    await sleep(PROBE_LOOK_MS);
    socket.check();
    if (errno || isOver()) break;
  }
  await socket.close();
  if (errno) throw Object.assign(new Error('nobody answers'), { code: errno });
}
