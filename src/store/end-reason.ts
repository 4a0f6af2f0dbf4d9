import { IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_TCP } from '../row/protocol.js';
import { DCCP_REQUEST, ESTABLISHED, isClosing, isOver } from '../row/conntrack.js';

/** flowEndReason (IE 136). */
export const IDLE_TIMEOUT = 1;
export const ACTIVE_TIMEOUT = 2;
export const END_OF_FLOW = 3;
export const FORCED_END = 4;
export const LACK_OF_RESOURCES = 5;

/** Seconds a closed entry stays where the kernel's setting is not known (nf_conntrack_proto_tcp.c, _sctp.c and _dccp.c). */
const DEFAULT_LINGER: ReadonlyMap<number, number> = new Map([
  [IPPROTO_TCP, 10],
  [IPPROTO_SCTP, 10],
  [IPPROTO_DCCP, 240],
]);

/**
 * Why an entry is no longer in the kernel, judged by what the last poll saw of it.
 *
 * An entry whose timer may have run out ended by it. One that went earlier was taken out: by its protocol where it has states,
 * otherwise by the administrator.
 *
 * @param present HAS_ flags of its row
 * @param remaining seconds its timer had left at the last poll, undefined where not known
 * @param elapsed seconds since that poll
 * @param linger seconds that a closed entry of the protocol stays before it goes
 */
export function reasonWhenGone(
  protocol: number,
  present: number,
  state: number,
  status: number,
  remaining: number | undefined,
  elapsed: number,
  linger?: number,
): number {
  if (isOver(present, state, status) || isClosing(present, state)) return END_OF_FLOW;
  if (remaining === undefined || elapsed >= remaining) return IDLE_TIMEOUT;
  if (mayBeRefused(protocol, state)) return END_OF_FLOW;
  const lingers = DEFAULT_LINGER.get(protocol);
  // an established connection shows its end for a while, unless no poll fell into it
  return lingers !== undefined && elapsed >= (linger ?? lingers) ? END_OF_FLOW : FORCED_END;
}

/**
 * Why an entry was destroyed, judged by its event: only one deleted early has a remaining time.
 * @param present HAS_ flags of its row
 * @param early deleted before its timer had run out
 */
export function reasonWhenDestroyed(
  protocol: number,
  present: number,
  state: number,
  status: number,
  early: boolean,
): number {
  if (isOver(present, state, status) || isClosing(present, state)) return END_OF_FLOW;
  if (!early) return IDLE_TIMEOUT;
  return mayBeRefused(protocol, state) ? END_OF_FLOW : FORCED_END;
}

/** TCP and DCCP take a handshake out at once that was refused; SCTP leaves it as closed. */
function mayBeRefused(protocol: number, state: number): boolean {
  if (protocol === IPPROTO_TCP) return state !== ESTABLISHED;
  return protocol === IPPROTO_DCCP && state === DCCP_REQUEST;
}
