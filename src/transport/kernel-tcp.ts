import { fstatSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** The kernel's default, where tcp_wmem cannot be read. */
const SEND_BUFFER_LIMIT = 4 << 20;
/** State of a connection whose peer has sent its FIN, include/net/tcp_states.h. */
const CLOSE_WAIT = '08';

/** Octets of a connection that the kernel holds at most until the peer's kernel has them (net.ipv4.tcp_wmem). */
export function sendBufferLimit(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/tcp_wmem', 'utf8').split(/\s+/)[2]) || SEND_BUFFER_LIMIT;
  } catch {
    return SEND_BUFFER_LIMIT;
  }
}

/**
 * Of a connection whose peer has sent its FIN: the peer's kernel has `all` that was sent, or `not yet`; or the connection is
 * `gone` (reset). Undefined outside Linux, where it is not known.
 */
export async function deliveryAfterFin(fd: number | undefined): Promise<'all' | 'not yet' | 'gone' | undefined> {
  if (fd === undefined || fd < 0) return undefined; // a socket of Windows has no descriptor
  // the columns of net/ipv4/tcp_ipv4.c: sl local remote state tx:rx timer retransmits uid timeout inode
  const inode = String(fstatSync(fd).ino);
  let known = false;
  for (const table of ['tcp', 'tcp6']) {
    const text = await readFile(`/proc/net/${table}`, 'latin1').catch(() => undefined);
    if (text === undefined) continue;
    known = true;
    for (const line of text.split('\n')) {
      if (!line.includes(inode)) continue;
      const [, , , state, queues, , , , , number] = line.trim().split(/\s+/);
      if (number === inode) return state === CLOSE_WAIT && /^0+:/.test(queues) ? 'all' : 'not yet';
    }
  }
  return known ? 'gone' : undefined;
}
