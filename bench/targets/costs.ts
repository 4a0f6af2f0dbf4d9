import { cpu, difference, each, type Choice, type Figure } from './figures.js';

/** A part of the way, and what it costs for each connection or record. */
export interface Cost {
  readonly what: string;
  /** Seconds. */
  readonly figure: Figure;
}

const dump = (name: string, backend: 'kernel' | 'native' | 'fallback'): Figure =>
  each({ subject: 'dump', case: name, backend }, cpu);
const exported = (name: string, mtu: number, backend: 'native' | 'fallback' = 'native'): Figure =>
  each({ subject: 'export-conntrack', case: name, backend, parameters: { connections: 20_000, mtu } });
const encoded: Choice = { subject: 'encode', case: 'encode', parameters: { mtu: 1400 } };

/** From the kernel to the collector, IPv4. */
export const COSTS: readonly Cost[] = [
  {
    what: "an entry of the kernel's table: filled by the kernel and thrown away (CPU)",
    figure: dump('raw dump', 'kernel'),
  },
  {
    what: 'decoding it into a row (CPU)',
    figure: difference(dump('dump', 'native'), dump('raw dump', 'kernel')),
  },
  {
    what: 'merging a row into the store',
    figure: each({ subject: 'poll', case: 'merge', backend: 'both', parameters: { connections: 10_000 } }),
  },
  { what: 'a record, from the schedule to the socket, MTU 1,400', figure: exported('export', 1400) },
  { what: 'of that, its bytes', figure: each(encoded) },
  {
    what: 'of that, what segmentation offload saves',
    figure: difference(exported('export', 1400), exported('export, --udp-segmentation', 1400)),
  },
  { what: 'a record, MTU 512', figure: exported('export', 512) },
  {
    what: 'a DESTROY event to its record on the wire (CPU)',
    figure: each({ subject: 'events', case: 'event to record', parameters: { mtu: 1400 } }, cpu),
  },
  { what: 'fallback: a line of procfs into a row, the kernel included (CPU)', figure: dump('dump', 'fallback') },
  { what: 'fallback: a record, MTU 1,400', figure: exported('export', 1400, 'fallback') },
];
