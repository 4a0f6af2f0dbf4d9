import type { ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import type { Backend } from '../../src/backend/backend.js';
import { MESSAGES, type FlowEncoderOptions } from '../../src/encoder/request.js';
import { createProfile } from '../../src/ipfix/profile.js';
import { perBackend } from '../helpers/backends.js';
import { ping, tcp, udp } from '../helpers/builders/connections.js';
import type { SentMessage } from '../helpers/fakes/fake-transport.js';
import type { Facts } from '../helpers/builders/rows.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';
import { seeded } from '../helpers/seed.js';
import { Decoder, readMessage, readTemplates, type WireMessage } from '../helpers/builders/wire.js';

const UDP_LIMIT = 484;
/** Ids of the options templates. */
const OPTIONS = [256, 257, 258, 259];

const plain = (port: number): Facts => tcp(port, 0, [1, 60, 0, 0]);
const v6 = (port: number): Facts => udp(port, 0, [1, 60, 0, 0], { source: '2001:db8::1', destination: '2001:db8::2' });
const translated = (port: number): Facts => tcp(port, 0, [1, 60, 0, 0], { replySource: '10.0.0.1' });

const read = (messages: readonly SentMessage[]): WireMessage[] => messages.map(({ bytes }) => readMessage(bytes));
const setIds = (messages: readonly SentMessage[]): number[][] =>
  read(messages).map(({ sets }) => sets.map(({ id }) => id));
const dataSets = (messages: readonly SentMessage[]): number =>
  setIds(messages)
    .flat()
    .filter(id => id >= 256).length;

/** Ids of the templates and options templates in the messages. */
const templateIds = (messages: readonly SentMessage[]): number[] =>
  read(messages).flatMap(({ sets }) =>
    sets.filter(({ id }) => id < 256).flatMap(set => readTemplates(set).map(({ id }) => id)),
  );

/** Requirements 1 to 3 and 11 for every message, and the sequence numbers for all of them. */
function checkMessages(t: ExecutionContext, sent: readonly SentMessage[], limit: number, sequence = 0): number {
  for (const { bytes, records } of sent) {
    const message = readMessage(bytes);
    t.is(message.version, 10);
    t.is(message.length, bytes.length);
    t.true(bytes.length <= limit, `${bytes.length} bytes`);
    t.is(message.observationDomain, 0xfedc_ba98);
    t.is(message.sequence, sequence);
    for (const { id } of message.sets) t.true(id === 2 || id === 3 || id >= 256, `set ${id}`);
    sequence = (sequence + records) % 2 ** 32;
  }
  return sequence;
}

perBackend('RFC 7011 3.1: version 10, length, export time in seconds, sequence number, domain', (t, backend) => {
  const rig = new SessionRig(backend);
  const sent = [...rig.send(plain(1)), ...rig.options(), ...rig.send(plain(2), plain(3))];
  checkMessages(t, sent, UDP_LIMIT);
  for (const { exportTime } of read(sent)) t.is(exportTime, 1_700_000_000);
});

perBackend(
  'RFC 7011 3.1: the sequence number counts the data records before the message, options included, templates not',
  (t, backend) => {
    const rig = new SessionRig(backend);
    const connections = Array.from({ length: 40 }, (_, i) => plain(i + 1));
    const sent = [
      ...rig.send(plain(1)),
      ...rig.options(),
      ...rig.send(...connections),
      ...rig.send(v6(1)),
      ...rig.options(),
    ];
    const decoder = new Decoder();
    const decoded = decoder.decode(sent);
    t.is(checkMessages(t, sent, UDP_LIMIT), decoded.length);
    // every record that the session says is in a message is there
    let records = 0;
    for (const message of sent) records += message.records;
    t.is(records, decoded.length);
    t.is(rig.session.counts.records, 42);
    t.is(rig.session.counts.records + rig.session.counts.optionsRecords, decoded.length);
    t.is(rig.session.counts.messages, sent.length);
    t.is(
      rig.session.counts.octets,
      sent.reduce((sum, { bytes }) => sum + bytes.length, 0),
    );
  },
);

perBackend('RFC 7011 3.1, 8: a new session starts from sequence 0 with all templates, of options too', (t, backend) => {
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { unreliable });
    rig.send(plain(1), plain(2));
    rig.send(v6(1));
    rig.options();
    rig.session.open();
    const sent = [...rig.transport.take(), ...rig.send(plain(1)), ...rig.send(v6(1)), ...rig.options()];
    checkMessages(t, sent, UDP_LIMIT);
    t.notThrows(() => new Decoder(unreliable ? 'udp' : 'tcp').decode(sent));
    t.deepEqual(new Set(templateIds(sent)), new Set([rig.idOf(plain(1)), rig.idOf(v6(1)), ...OPTIONS]));
  }
});

perBackend('RFC 7011 3.1: the sequence number wraps at 2^32', (t, real) => {
  const backend: Backend = {
    ...real,
    createEncoder(options: FlowEncoderOptions) {
      const encoder = real.createEncoder(options);
      const { messages, progress } = options.output;
      return {
        define: (kind, templates) => encoder.define(kind, templates),
        reserve: (id, bytes) => encoder.reserve(id, bytes),
        encode: (...request) => encoder.encode(...request),
        close: () => {
          const all = encoder.close();
          // as if it had far more records
          if (progress[MESSAGES] > 0) messages[1] = 0x9000_0000;
          return all;
        },
      };
    },
  };
  const rig = new SessionRig(backend, { unreliable: false });
  const sequences = [1, 2, 3].map(port => readMessage(rig.send(plain(port))[0].bytes).sequence);
  t.deepEqual(sequences, [0, 0x9000_0000, 0x2000_0000]);
  const options = read(rig.options()).map(({ sequence }) => sequence);
  t.deepEqual(options, [0xb000_0000, 0xb000_0001], 'options data counts on from there');
  t.is(readMessage(Buffer.from(rig.session.emptyMessage(2 ** 32 + 5))).sequence, 5);
  rig.session.open();
  t.is(readMessage(rig.send(plain(4))[0].bytes).sequence, 0, 'a new session begins anew');
});

perBackend('RFC 7011 3.3: one kind of record a set, no padding', (t, backend) => {
  const rig = new SessionRig(backend, { limit: 1_400 });
  for (const { sets } of read([...rig.send(plain(1), plain(2)), ...rig.send(v6(1)), ...rig.options()])) {
    for (const set of sets) {
      if (set.id >= 256) continue;
      t.is(
        readTemplates(set).reduce((sum, { scopes, fields }) => {
          const specifiers = fields.reduce((bytes, { enterprise }) => bytes + (enterprise === undefined ? 4 : 8), 0);
          return sum + 4 + (scopes === undefined ? 0 : 2) + specifiers;
        }, 0),
        set.content.length,
      );
    }
  }
  const [, , message] = new SessionRig(backend, { limit: 1_400 }).send(plain(1), plain(2));
  const [template, data] = readMessage(message.bytes).sets;
  t.is(template.id, 2);
  const length = readTemplates(template)[0].fields.reduce((sum, field) => sum + field.length, 0);
  t.is(data.content.length, 2 * length);
});

perBackend('RFC 7011 8: a template goes out before its data, in the same message where it fits', (t, backend) => {
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { unreliable });
    const first = setIds(rig.send(plain(1), plain(2)));
    t.deepEqual(first.at(-1), [2, rig.idOf(plain(1))]);
    t.deepEqual(setIds(rig.send(plain(3))), [[rig.idOf(plain(1))]]);
    const options = setIds(rig.options());
    t.deepEqual(
      options.find(ids => ids.some(id => id >= 256)),
      [3, 256],
    );
  }
});

perBackend('RFC 7011 8: where the template leaves no room, its data follow in the next message', (t, backend) => {
  const bytes = new SessionRig(backend, { unreliable: false }).send(plain(1))[0].bytes;
  const [template, data] = readMessage(bytes).sets;
  const limit = Math.max(16 + 4 + template.content.length, 16 + 4 + data.content.length);
  const rig = new SessionRig(backend, { unreliable: false, limit });
  const sent = rig.send(plain(1), plain(2));
  t.deepEqual(setIds(sent), [[2], [rig.idOf(plain(1))], [rig.idOf(plain(1))]]);
  t.is(new Decoder('tcp').decode(sent).length, 2);
  checkMessages(t, sent, limit);
});

perBackend('RFC 7011 8, 8.4: template ids are unique, stay in the next session, none is withdrawn', (t, backend) => {
  const rig = new SessionRig(backend, { templateRefreshInterval: 1_000 });
  const sent: SentMessage[] = [];
  for (let round = 0; round < 3; round++) {
    sent.push(...rig.send(plain(1)), ...rig.send(v6(1)), ...rig.send(translated(1)), ...rig.options());
    rig.monotonic += 1_000;
  }
  const known = new Map<number, string>();
  for (const { sets } of read(sent)) {
    for (const set of sets.filter(({ id }) => id < 256)) {
      for (const { id, fields } of readTemplates(set)) {
        t.true(id >= 256);
        t.true(fields.length > 0, 'a template without fields is a withdrawal');
        const text = JSON.stringify(fields);
        t.is(known.get(id) ?? text, text);
        known.set(id, text);
      }
    }
  }
  t.is(known.size, 3 + OPTIONS.length);
  t.is(new Set(known.values()).size, known.size);
});

perBackend('RFC 7011 8.4: a template goes out thrice before its first data over UDP, once over TCP', (t, backend) => {
  const id = new SessionRig(backend).idOf(plain(1));
  t.deepEqual(setIds(new SessionRig(backend).send(plain(1))), [[2], [2], [2, id]]);
  t.deepEqual(setIds(new SessionRig(backend, { unreliable: false }).send(plain(1))), [[2, id]]);
  t.deepEqual(setIds(new SessionRig(backend).options()), [[3], [3], [3, 256]]);
  t.deepEqual(setIds(new SessionRig(backend, { unreliable: false }).options()), [[3, 256]]);
});

perBackend('RFC 7011 8.4: over UDP every active template goes out again after the interval', (t, backend) => {
  const rig = new SessionRig(backend, { templateRefreshInterval: 600_000 });
  rig.send(plain(1));
  rig.send(v6(1));
  rig.options();
  rig.monotonic += 599_999;
  t.deepEqual(templateIds(rig.send(plain(2))), []);
  rig.monotonic += 1;
  const sent = rig.send(plain(3));
  const all = [...OPTIONS, rig.idOf(plain(1)), rig.idOf(v6(1))].toSorted();
  t.deepEqual(templateIds(sent).toSorted(), all);
  t.is(dataSets(sent.slice(0, -1)), 0, 'before the data');
  t.deepEqual(templateIds(rig.send(plain(4))), []);
  rig.monotonic += 600_000;
  t.deepEqual(templateIds(rig.options()).toSorted(), all, 'options do it as well as flows');
});

perBackend('RFC 7011 8.4: over UDP every active template goes out again after a number of packets', (t, backend) => {
  const rig = new SessionRig(backend, { templateRefreshPackets: 10 });
  let sent: SentMessage[] = [];
  for (let i = 0; i < 60; i++) sent.push(...rig.send(plain(1)));
  const at = read(sent).flatMap(({ sets }, i) => (sets[0].id === 2 ? [i] : []));
  t.deepEqual(at.slice(0, 3), [0, 1, 2]);
  const later = at.slice(3);
  t.true(later.length >= 5);
  for (const [i, position] of later.entries()) {
    const gap = position - (i > 0 ? later[i - 1] : 0);
    t.true(gap >= 10 && gap <= 12, `${gap} messages`);
  }
  sent = [];
  const tcpRig = new SessionRig(backend, { templateRefreshPackets: 10, unreliable: false });
  for (let i = 0; i < 60; i++) sent.push(...tcpRig.send(plain(1)));
  t.is(templateIds(sent).length, 1, 'over TCP templates go out once a session');
});

perBackend('RFC 7011 8.4: a template refresh is split into as many messages as the limit needs', (t, backend) => {
  const rig = new SessionRig(backend, { limit: 300, templateRefreshInterval: 1_000 });
  const kinds = [plain(1), v6(1), translated(1), ping(1, 0, [1, 1, 1, 1]), { protocol: 50 }, { protocol: 50, zone: 1 }];
  for (const facts of kinds) rig.send(facts);
  rig.monotonic += 1_000;
  const sent = rig.send(plain(2));
  checkMessages(t, sent, 300, kinds.length);
  t.deepEqual(templateIds(sent).toSorted(), kinds.map(kind => rig.idOf(kind)).toSorted());
  t.true(sent.length > 2 && sent.length < kinds.length, `${sent.length} messages`);
});

perBackend('RFC 7011 10.3.3: no message is larger than the limit, whatever the records', (t, backend) => {
  for (const limit of [300, 464, 484, 1_372, 9_000]) {
    const rig = new SessionRig(backend, { limit, profile: createProfile('standard', 'reverse', true) });
    const helpers = ['', 'ftp', 'abcdefghijklmnop'];
    const sent = Array.from({ length: 9 }, (_, i) =>
      rig.send(...Array.from({ length: 30 }, (__, n) => tcp(n + 1, 0, [n, n, n, n], { helper: helpers[i % 3] }))),
    ).flat();
    checkMessages(t, sent, limit);
    t.is(new Decoder().decode(sent).length, 270);
  }
});

perBackend('more messages than are sent in one go have their template once', (t, backend) => {
  const rig = new SessionRig(backend, { limit: 300 });
  const sent = rig.send(...Array.from({ length: 300 }, (_, i) => plain(i + 1)));
  t.true(sent.length > 128, `${sent.length} messages`);
  t.is(templateIds(sent).length, 3);
  t.is(new Decoder().decode(sent).length, 300);
  checkMessages(t, sent, 300);
});

perBackend('RFC 7011 10.3.3: flow keys and refreshed templates keep to the smallest limit', (t, backend) => {
  const limit = 256 - 48;
  const rig = new SessionRig(backend, { limit, templateRefreshInterval: 1_000 });
  const decoder = new Decoder();
  const sent: SentMessage[] = [];
  for (const zone of [{}, { zone: 1 }, { replyZone: 1 }]) {
    for (const protocol of [{ protocol: 50 }, { protocol: 1, icmp: { type: 8, code: 0, id: 1, replyType: 0 } }]) {
      for (const helper of [{}, { helper: 'x' }]) {
        for (const nat of [{}, { replySource: '10.0.0.1' }]) {
          sent.push(...rig.send({ ...protocol, ...zone, ...helper, ...nat }));
        }
      }
    }
  }
  sent.push(...rig.options());
  rig.monotonic += 1_000;
  sent.push(...rig.options());
  checkMessages(t, sent, limit);
  const keys = decoder.decode(sent).filter(record => record.get('flowKeyIndicator') !== undefined);
  t.is(keys.length, 48);
});

perBackend('RFC 7011 10.3.3: a template too large for the limit is counted and breaks nothing else', (t, backend) => {
  const rig = new SessionRig(backend, { limit: 100 });
  t.deepEqual(rig.send(v6(1), v6(2)), []);
  t.is(rig.session.counts.oversize, 2);
  t.deepEqual(Object.values(rig.session.counts.oversizeTemplates), [2]);
  const small = rig.send({ protocol: 50 });
  t.is(new Decoder().decode(small).length, 1);
  t.is(rig.session.counts.records, 1);
  checkMessages(t, small, 100);
  rig.monotonic += 600_000;
  t.deepEqual([...new Set(templateIds(rig.send({ protocol: 50 })))], [rig.idOf({ protocol: 50 })]);
});

perBackend('RFC 7011 10.3.3: a record too large for the limit is counted, and its neighbours arrive', (t, backend) => {
  // the template of a helper fits, and so does a short name, but not a long one
  const facts = (port: number, helper: string): Facts => ({ protocol: 50, helper, source: `192.0.2.${port}` });
  const [{ bytes }] = new SessionRig(backend, { unreliable: false, limit: 1_400 }).send(facts(1, 'abc'));
  const [template, data] = readMessage(bytes).sets;
  const limit = 16 + 4 + Math.max(template.content.length, data.content.length);
  const rig = new SessionRig(backend, { unreliable: false, limit });
  const sent = rig.send(facts(1, 'abc'), facts(2, 'abcdefghijklmnop'), facts(3, 'abc'));
  const arrived = new Decoder('tcp').decode(sent).map(record => record.get('sourceIPv4Address'));
  const oversize = 3 - arrived.length;
  t.is(rig.session.counts.oversize, oversize);
  t.is(rig.session.counts.records, arrived.length);
  t.true(arrived.includes('192.0.2.1') && arrived.includes('192.0.2.3'));
  checkMessages(t, sent, limit);
});

perBackend('RFC 7011 8.4: messages without data do not bring the next refresh of templates nearer', (t, backend) => {
  const rig = new SessionRig(backend, { templateRefreshPackets: 4 });
  const sent: SentMessage[] = [];
  for (let i = 0; i < 9; i++) sent.push(...rig.send(plain(1)));
  // three copies, the last with data; then with the fifth and the ninth
  t.deepEqual(
    setIds(sent).map(ids => ids.includes(2)),
    [true, true, true, false, false, false, true, false, false, false, false, true, false],
  );
});

perBackend('RFC 7011 8.2: data is never older than its template, when the wall clock goes back', (t, backend) => {
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { unreliable });
    const sent: SentMessage[] = [];
    for (const step of [0, 5_000, -1_000, -3_600_000, 1_000, 3_599_000, 10_000]) {
      rig.wall += step;
      sent.push(...rig.send(plain(1)), ...rig.options());
    }
    const announced = new Map<number, number>();
    for (const { exportTime, sets } of read(sent)) {
      for (const set of sets) {
        if (set.id < 256) for (const { id } of readTemplates(set)) announced.set(id, exportTime);
        else t.true(exportTime >= announced.get(set.id)!, `set ${set.id}`);
      }
    }
  }
});

perBackend('when a clock that was ahead is put right, the export time is right again', (t, backend) => {
  const right = Math.floor(new SessionRig(backend).wall / 1000);
  for (const unreliable of [true, false]) {
    const rig = new SessionRig(backend, { unreliable });
    rig.wall += 86_400_000;
    rig.send(plain(1));
    rig.wall -= 86_400_000;
    // over TCP no template may be sent twice, so it is right in the next session
    if (!unreliable) {
      const [ahead] = read(rig.send(plain(2)));
      t.is(ahead.exportTime, right + 86_400, 'what is on its way goes with the others');
      t.deepEqual(rig.transport.renewals, ['the clock was put back']);
      rig.session.open();
    } else t.deepEqual(rig.transport.renewals, []);
    const times = read(rig.send(plain(2))).map(({ exportTime }) => exportTime);
    t.true(times.length > 0);
    for (const time of times) t.is(time, right);
  }
});

perBackend('a collector decodes everything, whatever is sent in whatever order', (t, backend) => {
  const kinds = [
    plain,
    v6,
    translated,
    (port: number) => ping(port, 0, [1, 2, 3, 4]),
    (port: number) => ({ protocol: 47, zone: port }),
  ];
  const action = fc.tuple(
    fc.constantFrom('flows', 'flows', 'flows', 'options', 'wait', 'begin'),
    fc.nat(4),
    fc.integer({ min: 1, max: 60 }),
  );
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 15, maxLength: 15 }),
      fc.constantFrom(300, 484, 1_400),
      fc.boolean(),
      (script, limit, unreliable) => {
        const rig = new SessionRig(backend, {
          limit,
          unreliable,
          templateRefreshPackets: 25,
          templateRefreshInterval: 5_000,
        });
        let decoder = new Decoder(unreliable ? 'udp' : 'tcp');
        let flows = 0;
        let decoded = 0;
        for (const [what, kind, count] of script) {
          let sent: SentMessage[] = [];
          if (what === 'wait') rig.monotonic += count * 100;
          else if (what === 'options') sent = rig.options();
          else if (what === 'begin') {
            rig.session.open();
            decoder = new Decoder(unreliable ? 'udp' : 'tcp');
          } else {
            sent = rig.send(...Array.from({ length: count }, (_, i) => kinds[kind](i + 1)));
            flows += count;
          }
          decoded += decoder.decode(sent).filter(record => !record.isOptions).length;
          if (sent.some(({ bytes }) => bytes.length > limit)) throw new Error('a message above the limit');
        }
        t.is(decoded, flows);
        t.is(rig.session.counts.records, flows);
      },
    ),
    { ...seeded(t), numRuns: 60, includeErrorInReport: true },
  );
});
