import { runTool } from '../tool.js';

/** Numbers of linux/netlink.h. */
const PROTOCOL = { route: 0, netfilter: 12 } as const;

/**
 * Sends messages and reads one answer for each that asks for it (flag 4, NLM_F_ACK). Numbers, as perl-base has no module
 * for them: AF_NETLINK is 16, SOCK_RAW 3, NLMSG_ERROR 2.
 */
const PROGRAM = String.raw`
use strict;
my ($protocol, $messages) = ($ARGV[0], pack 'H*', $ARGV[1]);
socket my $netlink, 16, 3, $protocol or die "no netlink socket: $!\n";
send $netlink, $messages, 0 or die "netlink: $!\n";
for (my $at = 0; $at < length $messages; $at += unpack 'L', substr $messages, $at) {
  next unless unpack('x6 S', substr $messages, $at) & 4;
  defined recv $netlink, my $answer, 65536, 0 or die "netlink: $!\n";
  my ($type, $error) = unpack 'x4 S x10 l', $answer;
  if ($type == 2 && $error) { $! = -$error; die "netlink: $!\n" }
}
`;

/**
 * Sends messages (netlink-message.ts) to the kernel and waits until it has done what they say. Node has no netlink sockets,
 * and the native module may not be built: perl has them, and is part of every Debian.
 * @throws Error with the kernel's reason
 */
export async function sendNetlink(protocol: keyof typeof PROTOCOL, messages: Buffer): Promise<void> {
  await runTool(['perl', '-e', PROGRAM, String(PROTOCOL[protocol]), messages.toString('hex')]);
}
