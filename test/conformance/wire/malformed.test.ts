/** What is malformed costs its own message and nothing else: each transport, each family, over real sockets. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Collector } from '../../../src/collector/collector.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { isDatagram, isSecured } from '../../../src/common/endpoint.js';
import { DtlsTransport } from '../../../src/transport/dtls/transport.js';
import { hex, message, set, templateSet, u8 } from '../../helpers/builders/ipfix-builder.js';
import { eventually } from '../../helpers/eventually.js';
import { TransportLog } from '../../helpers/fakes/transport-log.js';
import { collectorFiles, exporterFiles, testOver, PROTOCOLS } from '../../helpers/tls/secured-collector.js';

const DEFINE = message({}, templateSet(256, [4, 1]));
const data = (sequence: number): Buffer => message({ sequence }, set(256, u8(6)));
const patched = (at: number, ...octets: number[]): Buffer => {
  const bytes = Buffer.from(data(0));
  bytes.set(octets, at);
  return bytes;
};
/** Whose length is right, so that a stream can go on behind them. */
const BROKEN_SETS = [
  patched(18, 0, 200), // a set longer than its message
  patched(18, 0, 3), // and one shorter than its header
  message({}, hex('000200')),
  message({}, set(2, hex('0100 0009 0004 0001'))), // a template that leaves its set
  message({}, set(2, hex('00ff 0001 0004 0001'))), // the id of a set
  message({}, set(3, hex('0100 0001 0000 0095 0004'))), // options without a scope
];
/** Behind which nothing can be found in a stream. */
const BROKEN_HEADERS = [patched(0, 0, 9), patched(0, 0, 11), patched(2, 0, 15), Buffer.from('GET / HTTP/1.1\r\n\r\n')];

const readFiles = (): { ca: Buffer; cert: Buffer; key: Buffer } => {
  const { tlsCa, tlsCertificate, tlsKey } = exporterFiles();
  const [ca, cert, key] = [tlsCa, tlsCertificate, tlsKey].map(file => readFileSync(file!));
  return { ca, cert, key };
};

for (const protocol of PROTOCOLS) {
  const secured = isSecured({ protocol });
  const datagrams = isDatagram({ protocol });
  for (const host of ['127.0.0.1', '::1']) {
    testOver(
      protocol,
      `RFC 7011 9: malformed messages over ${protocol} to ${host} are counted, and others are read on`,
      async (t, backend) => {
        const records: CollectedRecord[] = [];
        const collector = new Collector({
          listen: [{ protocol, host, port: 0 }],
          ...(secured && { tls: collectorFiles(host), createDtlsContext: backend.createDtlsContext }),
          onRecord: record => void records.push(record),
        });
        const [{ port }] = await collector.open();
        t.teardown(() => collector.close());
        const exporter = async (): Promise<{ send: (bytes: Uint8Array) => Promise<void>; end: () => void }> => {
          if (protocol === 'dtls') {
            const { tlsCa, ...own } = exporterFiles();
            const options = {
              mtu: 65_535,
              reconnectInterval: 60_000,
              handshakeInterval: 3_600_000,
              tlsCa: tlsCa!,
              ...own,
            };
            const transport = new DtlsTransport({ protocol, host, port }, options, {
              createContext: backend.createDtlsContext,
              connect: backend.connectDatagram,
              trouble: error => t.fail(error.message),
            });
            await transport.open(new TransportLog());
            await eventually('a session', () => transport.ready);
            const send = (bytes: Uint8Array): Promise<void> =>
              Promise.resolve(transport.send(bytes, Uint32Array.of(bytes.length, 1), 1));
            return { send, end: () => void transport.close(0) };
          }
          if (!datagrams) {
            // Node 22.23 finds no IPv6 address in a certificate; which one the collector has is not the matter here
            const tls = { port, host, ...readFiles(), checkServerIdentity: () => undefined };
            const socket = secured ? connectTls(tls) : connect(port, host);
            socket.on('error', () => {}); // it is reset
            await once(socket, secured ? 'secureConnect' : 'connect');
            const send = (bytes: Uint8Array) => new Promise<void>(resolve => socket.write(bytes, () => resolve()));
            return { send, end: () => socket.destroy() };
          }
          const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
          const send = (bytes: Uint8Array) =>
            new Promise<void>(resolve => socket.send(bytes, port, host, () => resolve()));
          return { send, end: () => socket.close() };
        };
        const good = await exporter();
        t.teardown(good.end);
        await good.send(DEFINE);
        for (const bytes of BROKEN_SETS) await good.send(bytes);
        await good.send(data(0));
        await eventually('the record behind them', () => records.length === 1);
        t.is(collector.stats().malformedMessages, BROKEN_SETS.length);
        for (const bytes of BROKEN_HEADERS) {
          const bad = await exporter();
          await bad.send(bytes);
          if (datagrams) bad.end();
          else t.teardown(bad.end);
        }
        const all = BROKEN_SETS.length + BROKEN_HEADERS.length;
        await eventually('all are counted', () => collector.stats().malformedMessages === all);
        t.is(collector.stats().disconnectedSessions, datagrams ? 0 : BROKEN_HEADERS.length);
        await good.send(data(1));
        await eventually('the exporter that is right goes on', () => records.length === 2);
        t.is(collector.stats().undecodableSets, 0);
      },
    );
  }
}
