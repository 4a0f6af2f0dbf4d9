import * as row from './layout.generated.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const { HAS_DCCP_STATE, HAS_SCTP_STATE, HAS_TCP_STATE } = row;

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

const OVER = TIME_WAIT;
const RESET = CLOSE;

/** TCP: the connection is over; the entry only lingers. */
export function isClosed(state: number): boolean {
  return state === OVER || state === RESET;
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

/** Conntrack's DCCP states by number (enum ct_dccp_states), as nf_conntrack_proto_dccp.c spells them. */
export const DCCP_STATES = [
  'NONE',
  'REQUEST',
  'RESPOND',
  'PARTOPEN',
  'OPEN',
  'CLOSEREQ',
  'CLOSING',
  'TIMEWAIT',
  'IGNORE',
  'INVALID',
] as const;

const SCTP_CLOSED = SCTP_STATES.indexOf('CLOSED');
const SCTP_SHUTDOWN_SENT = SCTP_STATES.indexOf('SHUTDOWN_SENT');
const SCTP_SHUTDOWN_ACK_SENT = SCTP_STATES.indexOf('SHUTDOWN_ACK_SENT');
export const DCCP_REQUEST = DCCP_STATES.indexOf('REQUEST');
const DCCP_CLOSEREQ = DCCP_STATES.indexOf('CLOSEREQ');
const DCCP_CLOSING = DCCP_STATES.indexOf('CLOSING');
const DCCP_TIMEWAIT = DCCP_STATES.indexOf('TIMEWAIT');

/** Flags of a row: its state is one of these. */
export const HAS_STATE = HAS_TCP_STATE | HAS_SCTP_STATE | HAS_DCCP_STATE;
const IPS_SEEN_REPLY = 1 << 1;

/**
 * The connection is over, whatever its protocol; the entry only lingers. SCTP's CLOSED is also the state of one that has had its
 * first INIT and no answer (sctp_conntracks of nf_conntrack_proto_sctp.c).
 * @param present HAS_ flags of the row
 */
export function isOver(present: number, state: number, status: number): boolean {
  if (present & HAS_TCP_STATE) return isClosed(state);
  if (present & HAS_SCTP_STATE) return state === SCTP_CLOSED && (status & IPS_SEEN_REPLY) !== 0;
  return (present & HAS_DCCP_STATE) !== 0 && state === DCCP_TIMEWAIT;
}

/** One end has begun to close it. @param present HAS_ flags of the row */
export function isClosing(present: number, state: number): boolean {
  if (present & HAS_TCP_STATE) return state > ESTABLISHED && state < SYN_SENT2;
  if (present & HAS_SCTP_STATE) return state >= SCTP_SHUTDOWN_SENT && state <= SCTP_SHUTDOWN_ACK_SENT;
  return (present & HAS_DCCP_STATE) !== 0 && (state === DCCP_CLOSEREQ || state === DCCP_CLOSING);
}

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

const OFFLOADED = STATUS_BITS.get('OFFLOAD')! | STATUS_BITS.get('HW_OFFLOAD')!;

/** Its packets take the flow table's way, in the kernel or in hardware. */
export function isOffloaded(status: number): boolean {
  return (status & OFFLOADED) !== 0;
}
