import * as protocols from '../row/protocol.js';
import * as row from '../row/layout.generated.js';

// V8 makes a module's own constants part of the code; imported ones are read and checked at each use
const {
  IPPROTO_DCCP,
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} = protocols;
const { HAS_DCCP_STATE, HAS_SCTP_STATE, HAS_TCP_STATE } = row;

/** By conntrack's state number; index 0 is NONE. Names of nf_conntrack_standalone.c. */
const TCP = [
  '',
  'tcp_timeout_syn_sent',
  'tcp_timeout_syn_recv',
  'tcp_timeout_established',
  'tcp_timeout_fin_wait',
  'tcp_timeout_close_wait',
  'tcp_timeout_last_ack',
  'tcp_timeout_time_wait',
  'tcp_timeout_close',
  'tcp_timeout_syn_sent', // SYN_SENT2 keeps SYN_SENT's
];
const DCCP = [
  '',
  'dccp_timeout_request',
  'dccp_timeout_respond',
  'dccp_timeout_partopen',
  'dccp_timeout_open',
  'dccp_timeout_closereq',
  'dccp_timeout_closing',
  'dccp_timeout_timewait',
];
const SCTP = [
  '',
  'sctp_timeout_closed',
  'sctp_timeout_cookie_wait',
  'sctp_timeout_cookie_echoed',
  'sctp_timeout_established',
  'sctp_timeout_shutdown_sent',
  'sctp_timeout_shutdown_recd',
  'sctp_timeout_shutdown_ack_sent',
  'sctp_timeout_heartbeat_sent',
];
/** Bits of enum ip_conntrack_status. */
const IPS_ASSURED = 1 << 2;
/** IPS_FIXED_TIMEOUT, IPS_OFFLOAD and IPS_HW_OFFLOAD: packets do not set the timer. */
const TIMER_LEFT_ALONE = (1 << 10) | (1 << 14) | (1 << 15);
const UNKNOWN: readonly number[] = [];

/**
 * The timeouts that the kernel gives an entry after a packet, in seconds, read from one namespace's sysctls. Read again
 * at each poll: an administrator may change them at any time.
 */
export class KernelTimeouts {
  readonly #tcp: readonly (readonly number[])[];
  readonly #sctp: readonly (readonly number[])[];
  readonly #dccp: readonly (readonly number[])[];
  readonly #udp: readonly number[];
  readonly #udpAssured: readonly number[];
  readonly #icmp: readonly number[];
  readonly #icmp6: readonly number[];
  readonly #gre: readonly number[];
  readonly #greAssured: readonly number[];
  readonly #generic: readonly number[];
  readonly #linger: ReadonlyMap<number, number | undefined>;

  /** @param sysctl text of a file under /proc/sys/net/netfilter, undefined where there is none */
  constructor(sysctl: (name: string) => string | undefined) {
    const read = (...names: string[]): number[] =>
      names
        .map(name => (name ? Number.parseInt(sysctl(`nf_conntrack_${name}`) ?? '', 10) : Number.NaN))
        .filter(seconds => Number.isFinite(seconds));
    const others = read('tcp_timeout_max_retrans', 'tcp_timeout_unacknowledged');
    this.#tcp = TCP.map(name => [...read(name), ...others]);
    this.#sctp = SCTP.map(name => read(name));
    this.#dccp = DCCP.map(name => read(name));
    this.#udp = read('udp_timeout');
    this.#udpAssured = read('udp_timeout_stream');
    this.#icmp = read('icmp_timeout');
    this.#icmp6 = read('icmpv6_timeout');
    this.#gre = read('gre_timeout');
    this.#greAssured = read('gre_timeout_stream');
    this.#generic = read('generic_timeout');
    this.#linger = new Map([
      [IPPROTO_TCP, read('tcp_timeout_close')[0]],
      [IPPROTO_SCTP, read('sctp_timeout_closed')[0]],
      [IPPROTO_DCCP, read('dccp_timeout_timewait')[0]],
    ]);
  }

  /** Seconds that an entry of the protocol stays at least after the end of its connection, where that is known. */
  linger(protocol: number): number | undefined {
    return this.#linger.get(protocol);
  }

  /** What the entry's timer may have been set to by its last packet, the likeliest first. */
  candidates(protocol: number, present: number, state: number, status: number): readonly number[] {
    if (status & TIMER_LEFT_ALONE) return UNKNOWN;
    const assured = (status & IPS_ASSURED) !== 0;
    if (protocol === IPPROTO_TCP) return present & HAS_TCP_STATE ? (this.#tcp[state] ?? UNKNOWN) : UNKNOWN;
    if (protocol === IPPROTO_UDP || protocol === IPPROTO_UDPLITE) return assured ? this.#udpAssured : this.#udp;
    if (protocol === IPPROTO_ICMP) return this.#icmp;
    if (protocol === IPPROTO_ICMPV6) return this.#icmp6;
    if (protocol === IPPROTO_SCTP) return present & HAS_SCTP_STATE ? (this.#sctp[state] ?? UNKNOWN) : UNKNOWN;
    if (protocol === IPPROTO_GRE) return assured ? this.#greAssured : this.#gre;
    if (protocol === IPPROTO_DCCP) return present & HAS_DCCP_STATE ? (this.#dccp[state] ?? UNKNOWN) : UNKNOWN;
    return this.#generic;
  }
}

/**
 * How long ago the last packet passed, as well as a poll can show: the timer was set to T by that packet and has R left, so it
 * passed T - R ago. R is in whole seconds, rounded down, hence the second of tolerance at the older end.
 *
 * All whole numbers: a number with a fraction, or beyond 31 bits, would be allocated for each connection.
 *
 * @param candidates seconds, what T may be, the likeliest first
 * @param remaining R in seconds, -1 where it is not known
 * @param window milliseconds: the packet cannot have passed longer ago, which was the previous poll, or the start
 * @returns milliseconds, at most `window`; 0 where no candidate fits
 */
export function lastPacketAgo(candidates: readonly number[], remaining: number, window: number): number {
  if (remaining < 0) return 0;
  for (let i = 0; i < candidates.length; i++) {
    const ago = (candidates[i] - remaining) * 1000;
    if (ago >= 0 && ago - window < 1000) return ago < window ? ago : window;
  }
  return 0;
}
