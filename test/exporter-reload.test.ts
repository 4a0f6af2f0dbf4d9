import { once } from 'node:events';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import test from 'ava';
import { backends, perBackend } from './helpers/backends.js';
import { openJournal } from './helpers/builders/journals.js';
import { Decoder } from './helpers/builders/wire.js';
import { Filter } from '../src/filter/filter.js';
import type { DestinationOptions } from '../src/destination/destination-options.js';
import { eventually } from './helpers/eventually.js';
import { flows, TcpCollector } from './helpers/fakes/collector-socket.js';
import { QUIET_HOST } from './helpers/fakes/quiet-host.js';
import { needs } from './helpers/kernel/require.js';
import { MANY, packetsAt, ReloadRig, to } from './helpers/rigs/reload-rig.js';
import { temporaryPath } from './helpers/temporary.js';
import type { Certificate } from './helpers/tls/authority.js';
import { certificates } from './helpers/tls/certificates.js';
import { Peer } from './helpers/tls/peer.js';

perBackend(
  'destinations are added, changed and removed while one stays, which has everything once',
  async (t, backend) => {
    const [stays, comes] = [await TcpCollector.listen(t), await TcpCollector.listen(t)];
    const journal = await openJournal(temporaryPath(t, 'state'));
    const rig = new ReloadRig(t, backend, [to('stays', stays)], { state: journal.journal });
    const { exporter } = rig;
    await exporter.open();
    rig.count(10);
    await eventually('the first has it', () => packetsAt(stays) === 10 * MANY);

    const added = await exporter.reload({ destinations: [to('stays', stays), to('comes', comes)] });
    t.deepEqual(added, { added: ['comes'], removed: [], changed: [], needRestart: [] });
    rig.count(5);
    await eventually('both have it', () => packetsAt(stays) === 15 * MANY && packetsAt(comes) === 5 * MANY);
    t.is(stays.sessions.length, 1, 'what is the same is not touched');

    const renewed = to('stays', stays, { collectorBuffer: 65_536 });
    t.like(await exporter.reload({ destinations: [renewed, to('comes', comes)] }), { changed: ['stays'] });
    t.is(exporter.stats().destinations[0].session.records, flows(stays).length, 'its counts go on');
    rig.count(3);
    await eventually('both have that', () => packetsAt(stays) === 18 * MANY && packetsAt(comes) === 8 * MANY);
    t.is(stays.sessions.length, 2, 'another session');

    t.like(await exporter.reload({ destinations: [renewed] }), { removed: ['comes'] });
    await eventually('it is gone', () => rig.lines.some(({ msg }) => msg === 'destination removed'));
    t.deepEqual(
      exporter.stats().destinations.map(({ name }) => name),
      ['stays'],
    );
    rig.count(2);
    await eventually('the other goes on', () => packetsAt(stays) === 20 * MANY);
    t.is(packetsAt(comes), 8 * MANY);

    t.like(await exporter.reload({ destinations: [renewed, to('comes', comes)] }), { added: ['comes'] });
    rig.count(1);
    await eventually('it has what came since', () => packetsAt(comes) === 9 * MANY);
    await rig.end();
    const { recordsExported } = exporter.stats();
    t.is(await exporter.close(), 0);
    t.is(packetsAt(stays), 21 * MANY);
    t.is(packetsAt(comes), 9 * MANY);
    t.is(recordsExported, flows(stays).length + flows(comes).length, 'those of removed ones too');
  },
);

perBackend('after a kill each destination goes on where reloads have left it', async (t, backend) => {
  const [stays, comes] = [await TcpCollector.listen(t), await TcpCollector.listen(t)];
  const path = temporaryPath(t, 'state');
  const { journal } = await openJournal(path);
  const rig = new ReloadRig(t, backend, [to('stays', stays)], { state: journal });
  const { exporter } = rig;
  await exporter.open();
  // before a destination is added, after the exporter has begun
  rig.started = Date.now();
  rig.count(10);
  await eventually('the first has it', () => packetsAt(stays) === 10 * MANY);
  const both = [to('stays', stays), to('comes', comes)];
  await exporter.reload({ destinations: both });
  rig.count(5);
  await eventually('both have it', () => packetsAt(stays) === 15 * MANY && packetsAt(comes) === 5 * MANY);
  await exporter.reload({ destinations: [to('stays', stays)] });
  await eventually('it is gone', () => exporter.stats().removed !== undefined);
  rig.count(2);
  await eventually('the first goes on', () => packetsAt(stays) === 17 * MANY);
  await exporter.reload({ destinations: [to('stays', stays, { collectorBuffer: 65_536 }), to('comes', comes)] });
  rig.count(1);
  await eventually('both go on', () => packetsAt(stays) === 18 * MANY && packetsAt(comes) === 6 * MANY);
  const copy = temporaryPath(t, 'copy');
  for (const name of readdirSync(dirname(path)).filter(name => name.startsWith('state')))
    copyFileSync(join(dirname(path), name), `${copy}${name.slice('state'.length)}`);

  const next = await openJournal(copy);
  const again = new ReloadRig(t, backend, both, { state: next.journal }, 18);
  again.started = rig.started;
  again.count(4);
  await again.exporter.open();
  await eventually('both have what is new', () => packetsAt(stays) >= 22 * MANY && packetsAt(comes) >= 10 * MANY);
  t.deepEqual([packetsAt(stays), packetsAt(comes)], [22 * MANY, 10 * MANY]);
  await again.end();
});

perBackend('timeouts change in the same session', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const rig = new ReloadRig(t, backend, [to('one', collector, { activeFlowExportTimeout: 3_600_000 })]);
  await rig.exporter.open();
  rig.count(10);
  await eventually('they are stored', () => rig.exporter.stats().connections === MANY);
  t.is(packetsAt(collector), 0);
  t.like(await rig.exporter.reload({ destinations: [to('one', collector)] }), { changed: ['one'] });
  await eventually('they are due', () => packetsAt(collector) === 10 * MANY);
  t.is(collector.sessions.length, 1);
});

perBackend(
  'with another filter connections come that it shows, and those that were exported go on',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    const filtered = (text: string): DestinationOptions => to('one', collector, { filter: new Filter(text, 'run') });
    const rig = new ReloadRig(t, backend, [filtered('src.port <= 10')]);
    const { exporter } = rig;
    await exporter.open();
    rig.count(10);
    await eventually('some are exported', () => packetsAt(collector) === 10 * 10);
    t.deepEqual((await exporter.reload({ destinations: [filtered('src.port <= 10')] })).changed, [], 'it is the same');
    t.deepEqual((await exporter.reload({ destinations: [filtered('src.port > 30')] })).changed, ['one']);
    rig.count(5);
    await eventually('others come', () => packetsAt(collector) === 15 * 20);
    t.deepEqual((await exporter.reload({ destinations: [to('one', collector)] })).changed, ['one']);
    rig.count(1);
    await eventually('all come', () => packetsAt(collector) === 16 * MANY);
    await rig.end();
    t.is(packetsAt(collector), 16 * MANY);
    t.is(collector.sessions.length, 1);
  },
);

perBackend('where a destination cannot be made all are as they were', async (t, backend) => {
  const [first, second] = [await TcpCollector.listen(t), await TcpCollector.listen(t)];
  const rig = new ReloadRig(t, backend, [to('first', first)]);
  const { exporter } = rig;
  await exporter.open();
  const secured = { ...first.endpoint, protocol: 'tls' } as const;
  const wrong = { ...to('wrong', first), endpoint: secured, tlsCa: temporaryPath(t, 'no.pem') };
  const changed = to('first', first, { collectorBuffer: 65_536, activeFlowExportTimeout: 3_600_000 });
  const error = await t.throwsAsync(exporter.reload({ destinations: [changed, to('second', second), wrong] }));
  t.like(error, { code: 'CTFLOW_TLS' });
  const broken = { ...changed, endpoint: secured, tlsCa: temporaryPath(t, 'no.pem') };
  t.like(await t.throwsAsync(exporter.reload({ destinations: [broken, to('second', second)] })), {
    code: 'CTFLOW_TLS',
  });
  t.deepEqual(exporter.destinations, [to('first', first)]);
  rig.count(10);
  await eventually('it goes on', () => packetsAt(first) === 10 * MANY);
  t.is(packetsAt(second), 0);
  await rig.end();
});

perBackend('what cannot change while it runs is named', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const rig = new ReloadRig(t, backend, [to('one', collector)]);
  await rig.exporter.open();
  const { needRestart, changed, added } = await rig.exporter.reload({
    destinations: [
      to('one', collector, { interfaces: 'route' }),
      to('nat', collector, { profile: 'nat' }),
      to('large', collector, { endedQueue: 1_500 }),
      to('larger', collector, { endedQueue: 1_000 }),
    ],
  });
  t.deepEqual(needRestart, [
    { destination: 'one', why: 'no destination had interfaces when ctflow started' },
    { destination: 'nat', why: 'no destination had profile nat when ctflow started' },
    { destination: 'larger', why: 'there is no room for its queue of ended connections' },
  ]);
  t.deepEqual([changed, added], [[], ['large']]);
});

perBackend('a destination may have the file of one that goes in the same reload', async (t, backend) => {
  const path = join(dirname(temporaryPath(t, 'x')), 'flows.ipfix');
  const named = (name: string): DestinationOptions => ({
    ...to(name, { endpoint: { protocol: 'tcp', host: '127.0.0.1', port: 9 } }),
    endpoint: { protocol: 'file', path },
  });
  const rig = new ReloadRig(t, backend, [named('before')]);
  const { exporter } = rig;
  await exporter.open();
  rig.count(10);
  await eventually('they are written', () => exporter.stats().destinations[0].session.records === MANY);
  t.like(await exporter.reload({ destinations: [named('after')] }), { added: ['after'], removed: ['before'] });
  rig.count(5);
  await eventually('others are written', () => exporter.stats().destinations[0].session.records === MANY);
  t.deepEqual(exporter.stats().destinations[0].transport.errors, {});
  await exporter.close();
  const files = readdirSync(dirname(path)).filter(name => name.endsWith('.ipfix'));
  const packets = files.map(name => packetsIn(readFileSync(join(dirname(path), name))));
  t.deepEqual(
    packets.sort((one, other) => one - other),
    [5 * MANY, 10 * MANY],
  );
});

perBackend('what a destination that is removed could not export is counted, and logged', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const away = to('away', { endpoint: { protocol: 'tcp', host: '127.0.0.1', port: 9 } });
  const rig = new ReloadRig(t, backend, [to('stays', collector), away], { shutdownTimeout: 300 });
  const { exporter } = rig;
  await exporter.open();
  rig.count(10);
  await eventually('one has it', () => packetsAt(collector) === 10 * MANY);
  await exporter.reload({ destinations: [to('stays', collector)] });
  await eventually('the other has left', () => exporter.stats().removed !== undefined);
  const unexported = { connections: MANY, packets: 10 * MANY, octets: 1_000 * MANY };
  t.like(exporter.stats().removed, { destinations: 1, records: 0, unexported });
  const line = rig.lines.find(({ msg }) => String(msg).startsWith('destination removed'));
  t.like(line, { destination: 'away', connections: MANY, packets: 10 * MANY });
  await rig.end();
});

perBackend('a destination that aggregates gets its last sums when it is removed', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const sums = to('sums', collector, { aggregateKeys: ['family'], aggregateInterval: 3_600_000 });
  const stays = await TcpCollector.listen(t);
  const rig = new ReloadRig(t, backend, [to('stays', stays)]);
  const { exporter } = rig;
  await exporter.open();
  t.like(await exporter.reload({ destinations: [to('stays', stays), sums] }), { added: ['sums'] });
  rig.count(10);
  await eventually('the other has it', () => packetsAt(stays) === 10 * MANY);
  const slower = { ...sums, aggregateInterval: 1_800_000 };
  t.deepEqual((await exporter.reload({ destinations: [to('stays', stays), slower] })).needRestart, [
    {
      destination: 'sums',
      why: 'where connections are summed up only timeouts, filter and rate change while ctflow runs',
    },
  ]);
  t.is(packetsAt(collector), 0);
  await exporter.reload({ destinations: [to('stays', stays)] });
  await eventually('it has its sums', () => packetsAt(collector) === 10 * MANY);
  await rig.end();
});

perBackend('one that is just connecting takes another address at once', async (t, backend) => {
  // a collector that never answers the handshake
  const sockets: Socket[] = [];
  const silent = createServer(socket => void sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const collector = await TcpCollector.listen(t);
  const connecting = to('one', { endpoint: { protocol: 'tls', host: '127.0.0.1', port } });
  const rig = new ReloadRig(t, backend, [connecting]);
  const { exporter } = rig;
  await exporter.open();
  rig.count(10);
  await eventually('it connects', () => sockets.length > 0 && exporter.stats().connections === MANY);
  t.like(await exporter.reload({ destinations: [to('one', collector)] }), { changed: ['one'] });
  await eventually('all is exported', () => packetsAt(collector) === 10 * MANY);
  t.is(exporter.stats().destinations[0].transport.lostRecords, 0);
  await rig.end();
});

perBackend('two reloads at once follow one another', async (t, backend) => {
  const [first, second] = [await TcpCollector.listen(t), await TcpCollector.listen(t)];
  const rig = new ReloadRig(t, backend, [to('first', first)]);
  const { exporter } = rig;
  await exporter.open();
  rig.count(10);
  await eventually('it is exported', () => packetsAt(first) === 10 * MANY);
  const renewed = to('first', first, { collectorBuffer: 65_536 });
  const done = await Promise.all([
    exporter.reload({ destinations: [renewed, to('second', second)] }),
    exporter.reload({ destinations: [renewed] }),
    exporter.reload({ destinations: [to('first', first), to('second', second)] }),
  ]);
  t.deepEqual(
    done.map(({ added, removed, changed }) => [added, removed, changed]),
    [
      [['second'], [], ['first']],
      [[], ['second'], []],
      [['second'], [], ['first']],
    ],
  );
  rig.count(5);
  await eventually('both have it', () => packetsAt(first) === 15 * MANY && packetsAt(second) === 5 * MANY);
  await rig.end();
});

perBackend(
  'the exporter closes while a destination changes: nothing is lost, and no reload follows',
  async (t, backend) => {
    const collector = await TcpCollector.listen(t);
    const rig = new ReloadRig(t, backend, [to('one', collector)]);
    const { exporter } = rig;
    // it does not end its connection yet, and the session waits for that
    collector.reads = false;
    await exporter.open();
    const frozen = await collector.nth(1);
    collector.reads = true;
    rig.count(10);
    await eventually('it was exported', () => exporter.stats().recordsExported === MANY);
    const changing = exporter.reload({ destinations: [to('one', collector, { collectorBuffer: 65_536 })] });
    const late = t.throwsAsync(exporter.reload({ destinations: [] }));
    await new Promise(resolve => setImmediate(resolve));
    rig.count(5);
    const closing = exporter.close();
    await new Promise(resolve => setImmediate(resolve));
    t.is(collector.sessions.length, 1, 'the destination is changing');
    frozen.resume();
    const left = await closing;
    t.like(await changing, { changed: ['one'] });
    t.like(await late, { code: 'CTFLOW_CONTROL' });
    t.like(await t.throwsAsync(exporter.reload({ destinations: [] })), { code: 'CTFLOW_CONTROL' });
    t.is(left, 0);
    t.is(collector.sessions.length, 2);
    await eventually('everything is there once', () => packetsAt(collector) === 15 * MANY);
  },
);

perBackend('the poll interval changes while it runs, and stays where none is given', async (t, backend) => {
  const collector = await TcpCollector.listen(t);
  const rig = new ReloadRig(t, backend, [to('one', collector)], { flowPollInterval: 3_600_000 });
  const { exporter } = rig;
  const destinations = [to('one', collector)];
  await exporter.open();
  rig.count(10);
  t.is(exporter.stats().poll.polls, 1);
  await exporter.reload({ destinations, flowPollInterval: 20 });
  await eventually('polls follow', () => packetsAt(collector) === 10 * MANY);
  await exporter.reload({ destinations });
  t.is(exporter.stats().poll.interval, 20);
  await rig.end();
});

needs(test, ['openssl'])('a reload renews a session whose certificate has changed, and nothing is lost', async t => {
  const { collector, exporter: own, ours } = certificates();
  const peer = await Peer.listen(t, { requestCert: true, ca: readFileSync(ours.tlsCa), allowHalfOpen: false });
  const [tlsCertificate, tlsKey] = [temporaryPath(t, 'cert.pem'), temporaryPath(t, 'key.pem')];
  const use = (certificate: Certificate): void => {
    copyFileSync(certificate.tlsKey, tlsKey);
    copyFileSync(certificate.tlsCertificate, tlsCertificate);
  };
  use(own);
  const files = { tlsCa: ours.tlsCa, tlsCertificate, tlsKey };
  const secured = to('secured', { endpoint: { protocol: 'tls', host: QUIET_HOST, port: peer.port } }, files);
  const rig = new ReloadRig(t, backends()[0], [secured]);
  const { exporter } = rig;
  await exporter.open();
  rig.count(10);
  await eventually('they are sent', () => exporter.stats().destinations[0].session.records === MANY);
  await exporter.reload({ destinations: [secured] });
  use(collector);
  await exporter.reload({ destinations: [secured] });
  await eventually('another session', () => exporter.stats().destinations[0].transport.connects === 2);
  rig.count(5);
  await eventually('others are sent', () => exporter.stats().destinations[0].session.records === 2 * MANY);
  await rig.end();
  t.is(await exporter.close(), 0);
  await eventually('both have ended', () => peer.sockets.every(socket => socket.readableEnded));
  t.deepEqual(peer.received.map(packetsIn), [10 * MANY, 5 * MANY]);
});

/** Of all messages of a file. */
function packetsIn(bytes: Buffer): number {
  const messages: { bytes: Buffer }[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + 2))
    messages.push({ bytes: bytes.subarray(at, at + bytes.readUInt16BE(at + 2)) });
  const records = new Decoder('tcp').decode(messages).filter(record => !record.isOptions);
  return records.reduce((sum, record) => sum + Number(record.get('packetDeltaCount')), 0);
}
