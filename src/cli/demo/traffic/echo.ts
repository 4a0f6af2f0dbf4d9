import { spawn, type ChildProcess } from 'node:child_process';
import { addressOctets, type Hosts } from './addresses.js';
import { u16 } from './netlink-message.js';
import { TOOL_PATH } from '../tool.js';

/**
 * An echo request each half second until standard input ends, as it does with the process at its other end. The socket is a
 * datagram socket of ICMP: the kernel makes identifier and checksum.
 */
const PROGRAM = String.raw`
use strict;
my ($family, $protocol, $type, $from, $to) = @ARGV;
socket my $icmp, $family, 2, $protocol or die "$!\n";
bind $icmp, pack 'H*', $from or die "$!\n";
my ($sequence, $input) = 0;
do {
  send $icmp, pack('C2 n3 a56', $type, 0, 0, 0, ++$sequence, 'ctflow'), 0, pack 'H*', $to or die "$!\n";
  vec($input = '', 0, 1) = 1;
} until select $input, undef, undef, 0.5;
`;

/** ICMP echo from the client to the server until it is stopped. */
export class Echo {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #stopping = false;

  /** @param onFailure gets the kernel's reason when it cannot do its work */
  constructor({ family, client, server }: Hosts, onFailure: (reason: string) => void) {
    const kind = family === 'IPv6' ? [10, 58, 128] : [2, 1, 8]; // AF_INET6 and ICMPv6, AF_INET and ICMP; echo request
    const args = [...kind.map(String), ...[client, server].map(address => socketAddress(kind[0], address))];
    this.#child = spawn('perl', ['-e', PROGRAM, ...args], {
      env: { ...process.env, PATH: TOOL_PATH, LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let said = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    this.#child.stdin?.on('error', () => {}); // a program that has ended says so by its exit code
    this.#child.on('error', error => onFailure(error.message));
    this.#closed = new Promise(resolve => {
      this.#child.on('close', code => {
        if (code !== 0 && !this.#stopping) onFailure(said.trim() || `perl ended with ${code}`);
        resolve();
      });
    });
  }

  /** Resolves when the program has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#child.stdin?.end();
    await this.#closed;
  }

  /** At once, for the way out of the process. */
  kill(): void {
    this.#stopping = true;
    this.#child.kill('SIGKILL');
  }
}

/** struct sockaddr_in or sockaddr_in6 without a port, in hexadecimal. */
function socketAddress(family: number, address: string): string {
  const octets = addressOctets(address);
  const [before, after] = octets.length === 16 ? [6, 4] : [2, 8];
  return Buffer.concat([u16(family), Buffer.alloc(before), octets, Buffer.alloc(after)]).toString('hex');
}
