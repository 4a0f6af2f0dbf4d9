import { IPPROTO_TCP } from '../row/protocol.js';
import { ESTABLISHED, isClosed, SYN_SENT2 } from '../row/conntrack.js';

/** flowEndReason (IE 136). */
export const IDLE_TIMEOUT = 1;
export const ACTIVE_TIMEOUT = 2;
export const END_OF_FLOW = 3;
export const FORCED_END = 4;
export const LACK_OF_RESOURCES = 5;

/** Seconds a closed TCP entry stays where the kernel's setting is not known (nf_conntrack_proto_tcp.c). */
const DEFAULT_TCP_CLOSE = 10;

/**
 * Why an entry is no longer in the kernel, judged by what the last poll saw of it.
 *
 * An entry whose timer may have run out ended by it. One that went earlier was taken out: by TCP itself where that is
 * possible, otherwise by the administrator.
 *
 * @param remaining seconds its timer had left at the last poll, undefined where not known
 * @param elapsed seconds since that poll
 * @param tcpClose seconds that a reset entry stays before it goes
 */
export function reasonWhenGone(
  protocol: number,
  state: number,
  remaining: number | undefined,
  elapsed: number,
  tcpClose: number = DEFAULT_TCP_CLOSE,
): number {
  if (protocol === IPPROTO_TCP && (isClosed(state) || isClosing(state))) return END_OF_FLOW;
  if (remaining === undefined || elapsed >= remaining) return IDLE_TIMEOUT;
  if (protocol !== IPPROTO_TCP) return FORCED_END;
  // a refused handshake leaves at once; an established connection shows CLOSE for a while, unless no poll fell into it
  if (state !== ESTABLISHED || elapsed >= tcpClose) return END_OF_FLOW;
  return FORCED_END;
}

/**
 * Why an entry was destroyed, judged by its event: only one deleted early has a remaining time.
 * @param early deleted before its timer had run out
 */
export function reasonWhenDestroyed(protocol: number, state: number, early: boolean): number {
  if (protocol === IPPROTO_TCP && (isClosed(state) || isClosing(state))) return END_OF_FLOW;
  if (!early) return IDLE_TIMEOUT;
  // TCP itself takes out a handshake that was refused
  return protocol === IPPROTO_TCP && state !== ESTABLISHED ? END_OF_FLOW : FORCED_END;
}

function isClosing(state: number): boolean {
  return state > ESTABLISHED && state < SYN_SENT2;
}
