/** Templates that are lost and sent again, and a restart of each side, over real sockets, in the manner of RFC 5471. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import { isSecured } from '../../../src/common/endpoint.js';
import { perBackend } from '../../helpers/backends.js';
import { readMessage, readTemplates } from '../../helpers/builders/wire.js';
import { eventually } from '../../helpers/eventually.js';
import { flows, udpCollector } from '../../helpers/fakes/collector-socket.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { begin, many, Rig } from '../../helpers/rigs/destination-rig.js';
import {
  exporterFiles,
  listenOver,
  perBackendOver,
  PROTOCOLS,
  securedCollector,
} from '../../helpers/tls/secured-collector.js';

/** A UDP socket that keeps the messages that come, whether or not they can be decoded. */
async function listen(t: ExecutionContext, host: string, port = 0): Promise<{ socket: Socket; messages: Buffer[] }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const messages: Buffer[] = [];
  socket.on('message', bytes => messages.push(bytes));
  socket.bind(port, host);
  await once(socket, 'listening');
  t.teardown(() => new Promise<void>(resolve => socket.close(() => resolve())).catch(() => {}));
  return { socket, messages };
}

/** There is one address of loopback only: a port that the system gives to nobody else meanwhile. */
const ownPort = (backend: string): number => 10_000 + ((process.pid * 2 + (backend === 'native' ? 0 : 1)) % 20_000);
const isTemplate = (bytes: Buffer): boolean => readMessage(bytes).sets[0].id < 256;
const hasData = (bytes: Buffer): boolean => readMessage(bytes).sets.some(({ id }) => id >= 256);
const templatesOf = (messages: readonly Buffer[]): number[] =>
  messages.flatMap(bytes =>
    readMessage(bytes)
      .sets.filter(({ id }) => id < 256)
      .flatMap(readTemplates)
      .map(({ id }) => id),
  );

for (const host of [QUIET_HOST, '::1']) {
  const family = host === '::1' ? 'IPv6' : 'IPv4';

  perBackend(
    `RFC 7011 8.4: over UDP and ${family} a collector that missed the templates reads on after their refresh`,
    async (t, backend) => {
      const { socket, messages } = await listen(t, host);
      const endpoint = { protocol: 'udp', host, port: socket.address().port } as const;
      const rig = new Rig(backend, endpoint, { templateRefreshPackets: 5, templateRefreshInterval: 3_600_000 });
      await begin(t, rig);
      for (let packets = 1; packets <= 20; packets++) {
        rig.poll(...many(1, packets));
        await rig.destination.export();
      }
      const sent = rig.destination.stats().session.messages;
      await eventually('all messages', () => messages.length === sent);
      const first = messages.findIndex(hasData);
      // it was away for the templates, and for the data of the first message
      const missed = messages.slice(first + 1);
      const stats = newStats();
      const session = new TransportSession('late', 'udp', stats);
      const decoded = missed.map(bytes => [...decodeMessage(bytes, session).records].length);
      const refresh = missed.findIndex(isTemplate);
      t.true(refresh >= 3 && refresh <= 5, `${refresh}`);
      t.deepEqual(decoded.slice(0, refresh), Array(refresh).fill(0), 'nothing is guessed');
      t.is(stats.undecodableSets, refresh);
      const data = missed.slice(refresh).filter(bytes => !isTemplate(bytes)).length;
      t.is(
        decoded.slice(refresh).reduce((sum, count) => sum + count, 0),
        data,
        'from then on every record',
      );
      t.is(stats.conflictingTemplates + stats.withdrawnTemplates + stats.malformedMessages, 0);
    },
  );

  perBackend(
    `RFC 7011 3.1, 8.4: over UDP and ${family} a collector that restarts gets a new session with all templates`,
    async (t, backend) => {
      const before = await listen(t, host, host === '::1' ? ownPort(backend.name) : 0);
      const { port } = before.socket.address();
      const rig = new Rig(backend, { protocol: 'udp', host, port }, { maxRate: 'off' });
      await begin(t, rig);
      rig.poll(...many(3, 1));
      await rig.destination.export();
      await eventually('three records', () => before.messages.some(hasData));
      await new Promise<void>(resolve => before.socket.close(() => resolve()));
      // its datagrams come back as errors; what they held is counted
      for (let packets = 2; rig.destination.stats().connected; packets++) {
        rig.poll(...many(3, packets));
        await rig.destination.export();
        await new Promise(resolve => setTimeout(resolve, 20));
      }
      const after = await udpCollector(t, host, port);
      await eventually('a new session', () => rig.opened === 2);
      rig.poll(...many(3, 1_000));
      await rig.destination.export();
      await eventually('its records', () => flows(after).length >= 3);
      const [probe, first] = after.messages;
      t.true(isTemplate(probe), 'to see whether somebody listens');
      t.is(readMessage(first).sequence, 0);
      t.true(isTemplate(first), 'templates first');
      t.true(rig.destination.stats().transport.lostRecords > 0, 'what the errors were about is counted');
    },
  );
}

for (const protocol of PROTOCOLS) {
  const secured = isSecured({ protocol });
  for (const host of ['127.0.0.1', '::1']) {
    perBackendOver(
      protocol,
      `RFC 7011 3.1, 8: an exporter that restarts begins with sequence 0 and all templates, over ${protocol} to ${host}`,
      async (t, backend) => {
        const collector = await listenOver(t, protocol, host);
        const runs: Buffer[][] = [];
        for (let run = 0; run < 2; run++) {
          const before = collector.messages.length;
          const rig = new Rig(backend, collector.endpoint, secured ? exporterFiles() : {});
          await begin(t, rig);
          rig.poll(...many(20, 1 + run));
          await rig.destination.export();
          await rig.destination.drain(10_000);
          const { messages } = rig.destination.stats().session;
          const came = (): Buffer[] => collector.messages.slice(before).filter(bytes => bytes.length > 16);
          await eventually('its messages', () => came().length === messages);
          runs.push(came());
        }
        for (const messages of runs) {
          const first = readMessage(messages[0]);
          t.is(first.sequence, 0);
          t.true(first.sets[0].id < 256, 'a template');
        }
        t.deepEqual(new Set(templatesOf(runs[0])), new Set(templatesOf(runs[1])), 'ids stay, and mean the same');
      },
    );
  }
}

for (const host of [QUIET_HOST, '::1']) {
  const family = host === '::1' ? 'IPv6' : 'IPv4';

  perBackendOver(
    'tls',
    `RFC 7011 3.1, 8, 10.4: over TLS and ${family} a collector that restarts gets a new session with all templates`,
    async (t, backend) => {
      const port = host === '::1' ? ownPort(backend.name) : 0;
      const before = await securedCollector(t, 'tls', host, port);
      const rig = new Rig(backend, before.endpoint, exporterFiles());
      await begin(t, rig);
      rig.poll(...many(30, 1));
      await rig.destination.export();
      await eventually('thirty records', () => before.records.length === 30);
      await before.close();
      await eventually('the end', () => !rig.destination.stats().connected);
      const after = await securedCollector(t, 'tls', host, before.endpoint.port);
      await eventually('a new session', () => rig.opened === 2);
      rig.poll(...many(30, 2));
      await rig.destination.export();
      await eventually('thirty records again', () => after.records.length === 30);
      for (const { messages } of [before, after]) {
        t.is(readMessage(messages[0]).sequence, 0);
        t.true(isTemplate(messages[0]), 'templates first');
      }
      const templates = [before, after].map(({ messages }) => templatesOf(messages));
      t.deepEqual(templates[1], templates[0], 'each once a session, and the same');
      t.is(new Set(templates[0]).size, templates[0].length);
      await rig.destination.drain(10_000);
      const { records, lostRecords, uncertainRecords } = rig.destination.stats().transport;
      t.deepEqual([records, lostRecords, uncertainRecords], [60, 0, 0]);
    },
  );
}
