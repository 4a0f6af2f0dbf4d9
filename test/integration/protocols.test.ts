/** On the real kernel: what conntrack keeps of protocols other than TCP, UDP and ICMP, and what is made of it. */
import test from 'ava';
import { Capture } from '../helpers/kernel/capture.js';
import { BACKENDS, ctflow, startExporter } from '../helpers/kernel/command.js';
import { eventually } from '../helpers/eventually.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs, PYTHON } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { Decoder, valuesOf } from '../helpers/builders/wire.js';

const [IGMP, GRE, ESP, SCTP] = [2, 47, 50, 132];
/** The first chunk of an SCTP association, and the answer of somebody who does not want it (RFC 9260 section 3.3). */
const PACKETS = `
import socket, struct
def send(protocol, payload, source='127.0.0.1', destination='127.0.0.2'):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    s.bind((source, 0))
    s.sendto(payload, (destination, 0))
send(${GRE}, struct.pack('!HHHHI', 0x3001, 0x880b, 20, 77, 1) + b'x' * 20)  # PPTP, call id 77
send(${GRE}, struct.pack('!HHI', 0x2000, 0x0800, 0xdeadbeef) + b'y' * 20)
send(${ESP}, struct.pack('!II', 7, 1) + b'z' * 32)
send(${IGMP}, struct.pack('!BBHI', 0x16, 0, 0, 0))
send(${SCTP}, struct.pack('!HHII', 5000, 6000, 0, 0) + struct.pack('!BBHIIHHI', 1, 0, 20, 99, 65536, 1, 1, 1))
send(${SCTP}, struct.pack('!HHII', 6000, 5000, 99, 0) + struct.pack('!BBH', 6, 0, 4), '127.0.0.2', '127.0.0.1')
send(${SCTP}, struct.pack('!HHII', 5001, 6000, 0, 0) + struct.pack('!BBHIIHHI', 1, 0, 20, 99, 65536, 1, 1, 1))
`;

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', 'python3-ipfix', ...wanted])(
    `${backend}: only protocols with ports have them, and an aborted SCTP association has end reason 3`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      const capture = await Capture.udp(new Traffic(namespace), 4739);
      const exporter = await startExporter(namespace, backend, ['udp://127.0.0.1:4739']);
      await namespace.run(PYTHON, ['-c', PACKETS]);
      const read = async () =>
        new Decoder('udp')
          .decode((await capture.parts()).map(bytes => ({ bytes })))
          .map(valuesOf)
          .filter(({ destinationIPv4Address }) => destinationIPv4Address === '127.0.0.2');
      const flows = await eventually('a record of each', async () => {
        const records = await read();
        return new Set(records.map(({ flowId }) => flowId)).size >= 6 && records;
      });
      const { stdout } = await ctflow(namespace, ['dump', '--backend', backend, '--format', 'json']);
      const connections = stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
      t.is((await exporter.stop()).code, 0);
      for (const flow of flows) {
        const ports = [flow['sourceTransportPort'], flow['destinationTransportPort']];
        if (flow['protocolIdentifier'] === SCTP) t.is(ports[1], 6_000);
        else t.deepEqual(ports, [undefined, undefined], `protocol ${flow['protocolIdentifier']}`);
      }
      const reasons = new Map(
        flows
          .filter(({ protocolIdentifier }) => protocolIdentifier === SCTP)
          .map(({ sourceTransportPort, flowEndReason }) => [sourceTransportPort, flowEndReason]),
      );
      t.deepEqual([reasons.get(5_000), reasons.get(5_001)], [3, 2], 'aborted, and without an answer yet');
      const shown = (protocol: string) => connections.filter(one => one.protocol === protocol).map(one => one.original);
      t.deepEqual(
        shown('gre')
          .map(({ sourceKey, destinationKey, sourcePort }) => [sourceKey, destinationKey, sourcePort])
          .toSorted(),
        [
          [0, 0, undefined],
          [0, 77, undefined],
        ],
      );
      for (const { sourcePort, sourceKey } of [...shown('50'), ...shown('2')]) {
        t.deepEqual([sourcePort, sourceKey], [undefined, undefined]);
      }
    },
  );
}
