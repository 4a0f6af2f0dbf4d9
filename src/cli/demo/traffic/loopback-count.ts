import { readFileSync } from 'node:fs';

/** Packets and IP-layer octets of both directions of all connections. */
export interface Count {
  readonly packets: number;
  readonly octets: number;
}

/**
 * What passed the loopback device of this process's network namespace, counted by the device itself. Like conntrack it
 * counts the octets from the IP header on, and what TCP hands down in one piece as one packet (loopback_xmit in the
 * kernel's drivers/net/loopback.c).
 */
export function loopbackCount(): Count {
  return parseLoopback(readFileSync('/proc/net/dev', 'utf8'));
}

/** Reads the line of `lo` in /proc/net/dev: octets and packets received come first. */
export function parseLoopback(devices: string): Count {
  const [, octets, packets] = /^ *lo: *(\d+) +(\d+) /m.exec(devices)!;
  return { packets: Number(packets), octets: Number(octets) };
}
