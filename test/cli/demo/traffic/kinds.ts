/** Kinds of traffic as `conntrack -L -o extended` shows them while they last. */
export const OPEN_KINDS: Readonly<Record<string, RegExp>> = {
  'open TCP': /tcp .* ESTABLISHED src=192\.0\.2\.10 .*dport=22 /,
  'UDP with replies': /udp .*src=192\.0\.2\.10 .*dport=53 packets=1 .*sport=53 .*packets=1 /,
  'UDP over IPv6, both ways': /udp .*src=2001:db8::10 .*dport=5004 packets=\d{2,} .*sport=5004 .*packets=\d{2,} /,
  ICMP: / icmp .*src=192\.0\.2\.10 .*type=8 .*type=0 /,
  ICMPv6: / icmpv6 .*src=2001:db8::10 .*type=128 .*type=129 /,
  'destination NAT with a change of port': /dst=203\.0\.113\.80 .*dport=443 .*src=198\.51\.100\.20 .*sport=8443 /,
  'destination NAT over IPv6': /dst=2001:db8::80 .*dport=443 .*src=2001:db8::20 .*sport=8443 /,
  'source NAT': /src=192\.0\.2\.10 .*dport=873 .*dst=203\.0\.113\.1 /,
  'source NAT over IPv6': /src=2001:db8::10 .*dport=873 .*dst=2001:db8::1 /,
};

/** And those that it shows when they have ended. */
export const KINDS: Readonly<Record<string, RegExp>> = {
  ...OPEN_KINDS,
  'TCP over IPv4': /tcp .* TIME_WAIT src=192\.0\.2\.10 dst=198\.51\.100\.20 .*dport=80 /,
  'TCP over IPv6': /tcp .* TIME_WAIT src=2001:db8::10 dst=2001:db8::20 .*dport=80 /,
};
