import type { MeasuredFamily } from '../results/results.js';

/** Bytes of the IP and UDP headers in front of a message. */
export function headersOf(family: MeasuredFamily): number {
  return family === 'ipv6' ? 48 : 28;
}
