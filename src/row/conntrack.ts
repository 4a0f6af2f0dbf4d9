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

/** Conntrack's SCTP states by number (enum sctp_conntrack), as nf_conntrack_proto_sctp.c spells them. */
export const SCTP_STATES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
  'HEARTBEAT_ACKED',
] as const;

/** Bits of enum ip_conntrack_status (nf_conntrack_common.h), by the name that people know. */
export const STATUS_BITS: ReadonlyMap<string, number> = new Map([
  ['EXPECTED', 1 << 0],
  ['SEEN_REPLY', 1 << 1],
  ['ASSURED', 1 << 2],
  ['CONFIRMED', 1 << 3],
  ['SRC_NAT', 1 << 4],
  ['DST_NAT', 1 << 5],
  ['DYING', 1 << 9],
  ['FIXED_TIMEOUT', 1 << 10],
  ['OFFLOAD', 1 << 14],
  ['HW_OFFLOAD', 1 << 15],
]);

/** The names of the bits that are set. */
export function statusNames(status: number): string[] {
  return [...STATUS_BITS].filter(([, bit]) => status & bit).map(([name]) => name);
}
