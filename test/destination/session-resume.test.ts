import { perBackend } from '../helpers/backends.js';
import { tcp, udp } from '../helpers/builders/connections.js';
import type { SentMessage } from '../helpers/fakes/fake-transport.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';
import type { Facts } from '../helpers/builders/rows.js';
import { Decoder, readMessage, readTemplates, valuesOf } from '../helpers/builders/wire.js';

const plain = (port: number): Facts => tcp(port, 0, [1, 60, 0, 0]);
const v6 = (port: number): Facts => udp(port, 0, [1, 60, 0, 0], { source: '2001:db8::1', destination: '2001:db8::2' });

/** The session breaks, and these messages were not handed over. @returns what the next one begins with */
function breaks(rig: SessionRig, unsent: readonly SentMessage[]): SentMessage[] {
  rig.transport.left.push(...unsent);
  rig.session.open();
  return rig.transport.take();
}

const ports = (messages: readonly SentMessage[]): unknown[] =>
  new Decoder('tcp')
    .decode(messages)
    .filter(record => !record.isOptions)
    .map(record => valuesOf(record)['sourceTransportPort']);

perBackend('unsent messages of a session begin the next one, from sequence 0, after its templates', (t, backend) => {
  const rig = new SessionRig(backend, { unreliable: false });
  const gone = rig.send(plain(1), plain(2));
  const unsent = [...rig.send(v6(3)), ...rig.options(), ...rig.send(plain(4), plain(5)), ...rig.send(v6(6))];
  const ids = unsent.flatMap(({ bytes }) => readMessage(bytes).sets.map(({ id }) => id));
  const { counts } = rig.session;
  const before = { ...counts };
  const sent = breaks(rig, unsent);

  t.deepEqual(ports(sent), [3, 4, 5, 6], 'every record once, none that was handed over');
  const messages = sent.map(({ bytes }) => readMessage(bytes));
  let sequence = 0;
  let data = false;
  for (const [i, message] of messages.entries()) {
    t.is(message.sequence, sequence);
    t.is(message.length, sent[i].bytes.length);
    sequence += sent[i].records;
    const template = message.sets.some(({ id }) => id < 256);
    t.false(template && data, 'templates come first');
    data ||= !template;
  }
  const again = messages.flatMap(({ sets }) => sets.map(({ id }) => id)).filter(id => id >= 256);
  t.deepEqual(
    again,
    ids.filter(id => id >= 256),
    'template ids stay the same',
  );
  const announced = messages.flatMap(({ sets }) => sets.filter(({ id }) => id === 2).flatMap(readTemplates));
  t.is(new Set(announced.map(({ id }) => id)).size, announced.length, 'no template twice');

  t.is(counts.records, before.records);
  t.is(counts.optionsRecords, before.optionsRecords);
  t.is(counts.messages, gone.length + sent.length);
  t.is(
    counts.octets,
    [...gone, ...sent].reduce((sum, { bytes }) => sum + bytes.length, 0),
  );

  const next = rig.send(plain(7));
  t.is(readMessage(next[0].bytes).sequence, sequence, 'the session goes on from there');
  t.deepEqual(
    readMessage(next[0].bytes).sets.map(({ id }) => id),
    [rig.idOf(plain(7))],
    'without the template again',
  );
});

perBackend('RFC 7011 8.2: a message that waited has no export time before its templates', (t, backend) => {
  const rig = new SessionRig(backend, { unreliable: false });
  const unsent = rig.send(plain(1));
  rig.wall += 90_000;
  const times = breaks(rig, unsent).map(({ bytes }) => readMessage(bytes).exportTime);
  t.deepEqual(times, [1_700_000_090, 1_700_000_090]);
});

perBackend('templates without data are not kept, and are sent when they are due', (t, backend) => {
  const rig = new SessionRig(backend, { unreliable: false });
  const [first] = rig.send(plain(1));
  rig.transport.left.push(first);
  rig.session.open();
  const [template, data] = rig.transport.take();
  t.is(template.records, 0);
  const again = breaks(rig, [template, data]);
  t.deepEqual(ports(again), [1]);
  t.is(again.length, 2);
  const next = rig.send(v6(2));
  t.deepEqual(
    readMessage(next[0].bytes).sets.map(({ id }) => id),
    [2, rig.idOf(v6(2))],
  );
});

perBackend('over UDP a new session begins with all templates, as the collector may have been away', (t, backend) => {
  const rig = new SessionRig(backend);
  rig.send(plain(1));
  rig.send(v6(1));
  const [message] = breaks(rig, []).map(({ bytes }) => readMessage(bytes));
  t.deepEqual(
    message.sets.flatMap(readTemplates).map(({ id }) => id),
    [rig.idOf(plain(1)), rig.idOf(v6(1))],
  );
});

perBackend('a session that left nothing begins with nothing', (t, backend) => {
  const rig = new SessionRig(backend, { unreliable: false });
  rig.send(plain(1));
  t.deepEqual(breaks(rig, []), []);
});

perBackend('the last message has no sets and counts the records before it', (t, backend) => {
  const rig = new SessionRig(backend, { unreliable: false });
  const sent = rig.send(plain(1), plain(2), plain(3));
  const { messages, octets } = rig.session.counts;
  const emptyMessage = Buffer.from(rig.session.emptyMessage(3));
  t.like(readMessage(emptyMessage), { version: 10, length: 16, sequence: 3, observationDomain: 0xfedc_ba98, sets: [] });
  t.is(new Decoder('tcp').decode([...sent, { bytes: emptyMessage }]).length, 3);
  t.like(rig.session.counts, { messages, octets });
});
