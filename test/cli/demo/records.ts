import type { FlowRecord } from '../../../src/cli/demo/flow-board.js';

/** A record with these element values. */
export function record(values: Readonly<Record<string, unknown>>): FlowRecord {
  return { get: name => values[name] };
}

/** A record of a TCP connection to port 80, with one packet of 100 octets to and two of 50 fro. */
export function tcpRecord(id: number, more: Readonly<Record<string, unknown>> = {}): FlowRecord {
  return record({
    flowId: BigInt(id),
    protocolIdentifier: 6,
    sourceIPv4Address: '192.0.2.10',
    destinationIPv4Address: '198.51.100.20',
    sourceTransportPort: 40_000 + id,
    destinationTransportPort: 80,
    packetDeltaCount: 1,
    octetDeltaCount: 100,
    reversePacketDeltaCount: 2n,
    reverseOctetDeltaCount: 100n,
    flowEndReason: 2,
    ...more,
  });
}
