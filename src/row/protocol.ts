/** Address families of Linux. */
export const AF_INET = 2;
export const AF_INET6 = 10;

/** IP protocol numbers that conntrack treats in a way of its own. */
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_DCCP = 33;
export const IPPROTO_GRE = 47;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;
export const IPPROTO_UDPLITE = 136;

/** Control bits of a TCP header (RFC 9293 section 3.1). */
export const SYN = 0x02;
export const ACK = 0x10;

const WITH_PORTS: ReadonlySet<number> = new Set([
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_DCCP,
  IPPROTO_SCTP,
  IPPROTO_UDPLITE,
]);

/** Whether the protocol has port numbers. GRE's keys are none, though conntrack keeps them in their place. */
export function hasPorts(protocol: number): boolean {
  return WITH_PORTS.has(protocol);
}

/** Protocols that have a name here. */
export const PROTOCOL_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['icmp', IPPROTO_ICMP],
  ['tcp', IPPROTO_TCP],
  ['udp', IPPROTO_UDP],
  ['dccp', IPPROTO_DCCP],
  ['gre', IPPROTO_GRE],
  ['icmpv6', IPPROTO_ICMPV6],
  ['sctp', IPPROTO_SCTP],
  ['udplite', IPPROTO_UDPLITE],
]);
const NAMES: ReadonlyMap<number, string> = new Map([...PROTOCOL_NUMBERS].map(([name, number]) => [number, name]));

/** `tcp` for 6; the number as text where the protocol has no name here. */
export function protocolName(number: number): string {
  return NAMES.get(number) ?? String(number);
}

/** The number for a name or a number of 0 to 255 as text, undefined for anything else. */
export function protocolNumber(text: string): number | undefined {
  const named = PROTOCOL_NUMBERS.get(text.toLowerCase());
  if (named !== undefined) return named;
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined;
}
