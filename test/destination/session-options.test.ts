/** What a session says of itself in options records, and of what is lost. */
import { createProfile } from '../../src/ipfix/profile.js';
import type { InterfaceName } from '../../src/ipfix/interfaces.js';
import { perBackend } from '../helpers/backends.js';
import { tcp } from '../helpers/builders/connections.js';
import type { Facts } from '../helpers/builders/rows.js';
import { Decoder, readMessage, valuesOf } from '../helpers/builders/wire.js';
import type { SentMessage } from '../helpers/fakes/fake-transport.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';

const plain = (port: number): Facts => tcp(port, 0, [1, 60, 0, 0]);

perBackend('RFC 7011 4: options have what was sent, what was not, and the flow keys of each template', (t, backend) => {
  const rig = new SessionRig(backend);
  rig.send(plain(1), plain(2));
  const announced = rig.options();
  const before = { ...rig.session.counts };
  rig.session.sendOptions(
    { flows: 3, packets: 40, octets: 5_000, first: 1, last: 2 },
    { packets: 7, octets: 500, first: 3, last: 4 },
  );
  const decoder = new Decoder();
  decoder.decode(announced);
  const records = decoder.decode(rig.transport.take());
  t.deepEqual(
    records.map(record => [record.isOptions, record.templateId]),
    [
      [true, 256],
      [true, 257],
      [true, 259],
      [true, 258],
    ],
  );
  const [statistics, reliability, ignored, keys] = records;
  t.is(ignored.get('observationDomainId'), 0xfedc_ba98);
  t.is(ignored.get('ignoredPacketTotalCount'), 7);
  t.is(ignored.get('ignoredOctetTotalCount'), 500);
  t.is(statistics.get('observationDomainId'), 0xfedc_ba98);
  t.is(statistics.get('exportedMessageTotalCount'), before.messages);
  t.is(statistics.get('exportedFlowRecordTotalCount'), 2);
  t.is(statistics.get('exportedOctetTotalCount'), before.octets);
  t.is(reliability.get('notSentFlowTotalCount'), 3);
  t.is(reliability.get('exportingProcessId'), process.pid);
  t.is(keys.get('templateId'), rig.idOf(plain(1)));
  t.is(rig.session.counts.optionsRecords - before.optionsRecords, 4);
  t.is(rig.session.counts.records, 2);
});

perBackend('RFC 7011 4.1: the first statistics record counts every message that went before it', (t, backend) => {
  const rig = new SessionRig(backend);
  rig.send(plain(1), plain(2));
  const { messages, octets } = rig.session.counts;
  const sent = rig.options();
  const copies = sent.slice(0, 2);
  const [statistics] = new Decoder().decode(sent);
  t.is(statistics.get('exportedMessageTotalCount'), messages + copies.length);
  t.is(
    statistics.get('exportedOctetTotalCount'),
    copies.reduce((sum, { bytes }) => sum + bytes.length, octets),
  );
});

perBackend('a lost message counts as the flows, packets and octets of its records, options as none', (t, backend) => {
  for (const profile of ['standard', 'antrea'] as const) {
    const rig = new SessionRig(backend, { profile: createProfile(profile, 'reverse', true) });
    const facts = [3, 9].map(packets => tcp(packets, 0, [packets, packets * 100, 2, 80]));
    const sent = [...rig.send(...facts), ...rig.options()];
    rig.session.lose(sent);
    t.deepEqual(rig.session.lost, { flows: 2, packets: 3 + 9 + 2 * 2, octets: 1_200 + 2 * 80 });
  }
});

perBackend('RFC 7011 4: without a loss there is no record of one', (t, backend) => {
  const records = new Decoder().decode(new SessionRig(backend).options());
  t.deepEqual(
    records.map(record => record.templateId),
    [256],
  );
});

const SAMPLING = 260;
const setIds = (sent: readonly SentMessage[]): number[][] =>
  sent.map(({ bytes }) => readMessage(bytes).sets.map(({ id }) => id));

perBackend(
  'RFC 7011 8.4: that every packet is counted goes before the first flow, and with each refresh over UDP',
  (t, backend) => {
    const rig = new SessionRig(backend, { sampling: 'current', templateRefreshInterval: 60_000 });
    const id = rig.idOf(plain(1));
    const first = rig.send(plain(1));
    t.deepEqual(setIds(first), [[3], [3], [3, SAMPLING], [2], [2], [2, id]]);
    const [sampling] = new Decoder().decode(first);
    t.deepEqual(valuesOf(sampling), {
      observationDomainId: 0xfedc_ba98,
      samplingPacketInterval: 1,
      samplingPacketSpace: 0,
    });
    t.deepEqual(setIds(rig.send(plain(2))), [[id]], 'once');
    rig.monotonic += 59_999;
    t.deepEqual(setIds(rig.send(plain(3))), [[id]]);
    rig.monotonic += 1;
    t.deepEqual(setIds(rig.send(plain(4))), [[3, SAMPLING], [2], [id]]);
    t.is(rig.session.counts.optionsRecords, 2);
    rig.session.open();
    const again = [...rig.transport.take(), ...rig.send(plain(5))];
    t.deepEqual(
      setIds(again)
        .flat()
        .filter(one => one >= 256),
      [SAMPLING, id],
      'in a new session again',
    );
    t.notThrows(() => new Decoder().decode(again));
  },
);

perBackend('over TCP it goes once a session, and not where options are off', (t, backend) => {
  const rig = new SessionRig(backend, { sampling: 'current', unreliable: false, templateRefreshInterval: 1_000 });
  const id = rig.idOf(plain(1));
  t.deepEqual(setIds(rig.send(plain(1))), [
    [3, SAMPLING],
    [2, id],
  ]);
  rig.monotonic += 5_000;
  t.deepEqual(setIds(rig.send(plain(2))), [[id]]);
  t.deepEqual(setIds(new SessionRig(backend, { sampling: 'none', unreliable: false }).send(plain(1))), [[2, id]]);
});

perBackend('statistics that are due first do not send the templates twice', (t, backend) => {
  const rig = new SessionRig(backend, { sampling: 'current', unreliable: false });
  t.deepEqual(setIds(rig.options()), [[3, SAMPLING], [256]]);
  t.deepEqual(setIds(rig.send(plain(1))), [[2, rig.idOf(plain(1))]]);
});

perBackend('it goes before messages of an earlier session too, and is no part of their count', (t, backend) => {
  let inFront = 0;
  const sentInFront = (records: number): void => void (inFront += records);
  const rig = new SessionRig(backend, { sampling: 'current', unreliable: false, sentInFront });
  rig.send(plain(1));
  const unsent = [...rig.send(plain(2)), ...rig.options()];
  const before = rig.session.sent;
  rig.transport.left.push(...unsent);
  rig.session.open();
  const sent = rig.transport.take();
  t.is(
    setIds(sent)
      .flat()
      .find(one => one >= 256),
    SAMPLING,
  );
  t.notThrows(() => new Decoder('tcp').decode(sent));
  t.is(inFront, 1);
  t.is(rig.session.sent, before);
});

perBackend('over UDP templates go out again after an error, but not with each of many', (t, backend) => {
  const rig = new SessionRig(backend, { sampling: 'current', templateRefreshInterval: 60_000 });
  const id = rig.idOf(plain(1));
  rig.send(plain(1));
  rig.session.templatesLost();
  rig.monotonic += 999;
  t.deepEqual(setIds(rig.send(plain(2))), [[id]]);
  rig.monotonic += 1;
  t.deepEqual(setIds(rig.send(plain(3))), [[3, SAMPLING], [2], [id]]);
  rig.monotonic += 5_000;
  t.deepEqual(setIds(rig.send(plain(4))), [[id]], 'once for an error');
});

const NAMES = 262;
const named = (count: number): InterfaceName[] =>
  Array.from({ length: count }, (_, i) => ({ index: i + 1, name: `eth${i}`, description: `eth${i}` }));

perBackend(
  'names of interfaces go before the first flow, with each refresh, and when they have changed',
  (t, backend) => {
    const interfaceNames = { version: 1, list: named(2) };
    const rig = new SessionRig(backend, { sampling: 'current', interfaceNames, templateRefreshInterval: 60_000 });
    const id = rig.idOf(plain(1));
    const first = rig.send(plain(1));
    t.deepEqual(setIds(first), [[3], [3], [3, SAMPLING], [NAMES], [2], [2], [2, id]]);
    const names = new Decoder().decode(first).filter(record => record.templateId === NAMES);
    t.deepEqual(names.map(valuesOf), [
      { ingressInterface: 1, interfaceName: 'eth0', interfaceDescription: 'eth0' },
      { ingressInterface: 2, interfaceName: 'eth1', interfaceDescription: 'eth1' },
    ]);
    t.deepEqual(setIds(rig.send(plain(2))), [[id]]);
    interfaceNames.version++;
    interfaceNames.list = named(3);
    const changed = rig.send(plain(3));
    t.deepEqual(setIds(changed), [[NAMES], [id]]);
    t.is(changed[0].records, 3);
    rig.monotonic += 60_000;
    t.deepEqual(setIds(rig.send(plain(4))), [[3, SAMPLING], [NAMES], [2], [id]]);
  },
);

perBackend('as many messages as the names of interfaces need', (t, backend) => {
  const limit = 256 - 48;
  const rig = new SessionRig(backend, {
    sampling: 'deprecated',
    interfaceNames: { version: 1, list: named(5) },
    limit,
  });
  const sent = rig.send({ protocol: 50 });
  t.true(sent.every(({ bytes }) => bytes.length <= limit));
  const names = new Decoder().decode(sent).filter(record => record.templateId === NAMES);
  t.deepEqual(
    names.map(record => record.get('ingressInterface')),
    [1, 2, 3, 4, 5],
  );
});
