/** Conntrack's TCP states (enum tcp_conntrack in nf_conntrack_tcp.h). */
export const SYN_SENT = 1;
export const SYN_RECV = 2;
export const ESTABLISHED = 3;
export const FIN_WAIT = 4;
export const CLOSE_WAIT = 5;
export const LAST_ACK = 6;
export const TIME_WAIT = 7;
export const CLOSE = 8;
export const SYN_SENT2 = 9;

/** The connection is over; the entry only lingers. */
export function isClosed(state: number): boolean {
  return state === TIME_WAIT || state === CLOSE;
}
