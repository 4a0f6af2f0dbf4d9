/** The nf_tables rules of the demonstration as netlink messages (linux/netfilter/nf_tables.h). */
import { addressOctets, COLLECTOR, PORTS, type Hosts } from './addresses.js';
import { attribute, be16, be32, edge, nested, request, text } from './netlink-message.js';

const SUBSYSTEM = 10;
const MESSAGE = {
  batchBegin: 16,
  batchEnd: 17,
  newTable: SUBSYSTEM << 8,
  newChain: (SUBSYSTEM << 8) | 3,
  newRule: (SUBSYSTEM << 8) | 6,
};
const FAMILY = { IPv4: 2, IPv6: 10 };
const HOOK = { output: 3, postrouting: 4 };
/** The protocol of a packet, among the keys of `meta`. */
const L4PROTO = 16;
const PROTOCOL = { tcp: 6, udp: 17 };
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const NAT = { source: 0, destination: 1 };
const TABLE = text('ctflow_demo');

/**
 * One transaction for both families: the exporter's messages are not tracked (the last could never be exported), the
 * published service leads to the server, and the backup's client is hidden. A NAT rule switches conntrack on.
 */
export function rules(families: readonly Hosts[]): Buffer {
  return Buffer.concat([
    batchEdge(MESSAGE.batchBegin),
    ...families.flatMap(hosts => [
      message(MESSAGE.newTable, hosts, attribute(1, TABLE)),
      ...chain(hosts, 'untracked', 'filter', HOOK.output, -300, [
        ...destinationPort(COLLECTOR.protocol, COLLECTOR.port),
        expression('notrack'),
      ]),
      ...chain(hosts, 'published', 'nat', HOOK.output, -100, [
        ...address(hosts, 'destination', addressOctets(hosts.service)),
        ...destinationPort('tcp', PORTS.published),
        load(1, addressOctets(hosts.server)),
        load(2, be16(PORTS.secure)),
        translate(hosts, NAT.destination, attribute(5, be32(2))),
      ]),
      ...chain(hosts, 'hidden', 'nat', HOOK.postrouting, 100, [
        ...address(hosts, 'source', addressOctets(hosts.client)),
        ...destinationPort('tcp', PORTS.backup),
        load(1, addressOctets(hosts.gateway)),
        translate(hosts, NAT.source),
      ]),
    ]),
    batchEdge(MESSAGE.batchEnd),
  ]);
}

function batchEdge(type: number): Buffer {
  return edge(type, Buffer.from([0, 0, 0, SUBSYSTEM]));
}

/** struct nfgenmsg, then the attributes. */
function message(type: number, hosts: Hosts, ...attributes: readonly Buffer[]): Buffer {
  return request(type, Buffer.from([FAMILY[hosts.family], 0, 0, 0]), ...attributes);
}

/** A base chain with one rule. */
function chain(
  hosts: Hosts,
  name: string,
  type: 'filter' | 'nat',
  hook: number,
  priority: number,
  expressions: readonly Buffer[],
): Buffer[] {
  const where = nested(4, attribute(1, be32(hook)), attribute(2, be32(priority)));
  return [
    message(MESSAGE.newChain, hosts, attribute(1, TABLE), attribute(3, text(name)), where, attribute(7, text(type))),
    message(MESSAGE.newRule, hosts, attribute(1, TABLE), attribute(2, text(name)), nested(4, ...expressions)),
  ];
}

function expression(name: string, ...attributes: readonly Buffer[]): Buffer {
  return nested(1, attribute(1, text(name)), nested(2, ...attributes));
}

/** Goes on with the packets whose octets there, taken to register 1, are these. */
function matches(header: number, offset: number, octets: Buffer): Buffer[] {
  const [at, length] = [attribute(3, be32(offset)), attribute(4, be32(octets.length))];
  return [expression('payload', attribute(1, be32(1)), attribute(2, be32(header)), at, length), equals(octets)];
}

/** Goes on where register 1 holds these octets. */
function equals(octets: Buffer): Buffer {
  return expression('cmp', attribute(1, be32(1)), attribute(2, be32(0)), nested(3, attribute(1, octets)));
}

function address({ family }: Hosts, end: 'source' | 'destination', octets: Buffer): Buffer[] {
  const source = family === 'IPv6' ? 8 : 12;
  return matches(NETWORK_HEADER, end === 'source' ? source : source + octets.length, octets);
}

function destinationPort(protocol: 'tcp' | 'udp', port: number): Buffer[] {
  const ofProtocol = expression('meta', attribute(1, be32(1)), attribute(2, be32(L4PROTO)));
  return [ofProtocol, equals(Buffer.from([PROTOCOL[protocol]])), ...matches(TRANSPORT_HEADER, 2, be16(port))];
}

function load(register: number, octets: Buffer): Buffer {
  return expression('immediate', attribute(1, be32(register)), nested(2, attribute(1, octets)));
}

/** To the address in register 1. */
function translate({ family }: Hosts, end: number, ...more: readonly Buffer[]): Buffer {
  return expression('nat', attribute(1, be32(end)), attribute(2, be32(FAMILY[family])), attribute(3, be32(1)), ...more);
}
