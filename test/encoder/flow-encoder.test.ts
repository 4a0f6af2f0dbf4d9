import { FORWARD, LAST, REPLY, TOO_LARGE } from '../../src/encoder/request.js';
import { COUNTERS, EGRESS, INGRESS, REPLY_COUNTERS, REVERSED } from '../../src/ipfix/shape.js';
import {
  EGRESS_INTERFACE,
  FLOW_START_MS,
  FLOW_TYPE,
  HELPER,
  INGRESS_INTERFACE,
  MARK,
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_NTP,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  ORIG_OCTETS,
  ORIG_PACKETS_WORD,
  ORIG_PACKET_DELTA,
  ORIG_SPORT,
  ORIG_SRC,
  PROTOCOL,
  REPLY_PACKET_DELTA,
  SOURCE_POD_NAME,
  STATE,
  TCP_STATE_HISTORY,
  TCP_STATES,
} from '../../src/row/layout.generated.js';
import { NameTable } from '../../src/record/name-table.js';
import { perBackend } from '../helpers/backends.js';
import { tcp } from '../helpers/builders/connections.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import type { Facts } from '../helpers/builders/rows.js';
import { dataRecord, EncoderRig } from '../helpers/rigs/encoder-rig.js';

/** A plan of one byte a record: its protocol. */
const ONE = Uint32Array.of(OP_U8, PROTOCOL, 1, 0);

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

perBackend('a message is one data set; its header is left to whoever sends it', (t, backend) => {
  const rig = new EncoderRig(backend, flowTable({ protocol: 6 }, { protocol: 17 }), { plan: ONE });
  t.is(rig.encode([0, 1]), 2);
  t.deepEqual(rig.collect().messages, [], 'it is open');
  t.true(rig.encoder.close());
  t.deepEqual(rig.collect().messages, [{ data: Buffer.from('010000060611', 'hex'), records: 2, reserved: 0 }]);
});

perBackend('OP_BYTES copies bytes unchanged', (t, backend) => {
  const facts = { source: '2001:db8::a', destination: '2001:db8::b' };
  t.is(dataRecord(backend, facts, [OP_BYTES, ORIG_SRC, 4, 0]), '20010db8');
  t.is(dataRecord(backend, facts, [OP_BYTES, ORIG_SRC, 16, 0]), '20010db800000000000000000000000a');
  t.is(dataRecord(backend, facts, [OP_BYTES, ORIG_SRC + 1, 3, 0]), '010db8');
});

perBackend('numbers are big-endian, wider ones with zeros in front', (t, backend) => {
  const facts = { protocol: 0xf1, sourcePort: 0xf102, destinationPort: 1, mark: 0xf1020304 };
  for (const [length, expected] of [
    [1, 'f1'],
    [2, '00f1'],
    [4, '000000f1'],
    [8, '00000000000000f1'],
  ] as const) {
    t.is(dataRecord(backend, facts, [OP_U8, PROTOCOL, length, 0]), expected);
  }
  t.is(dataRecord(backend, facts, [OP_U16, ORIG_SPORT, 2, 0]), 'f102');
  t.is(dataRecord(backend, facts, [OP_U16, ORIG_SPORT, 4, 0]), '0000f102');
  t.is(dataRecord(backend, facts, [OP_U16, ORIG_SPORT, 8, 0]), '000000000000f102');
  t.is(dataRecord(backend, facts, [OP_U32, MARK, 4, 0]), 'f1020304');
  t.is(dataRecord(backend, facts, [OP_U32, MARK, 8, 0]), '00000000f1020304');
});

perBackend('64-bit numbers are exact', (t, backend) => {
  const facts: Facts = { counters: [1, 0xf102030405060708n, 0, 0] };
  t.is(dataRecord(backend, facts, [OP_U64, ORIG_OCTETS, 8, 0]), 'f102030405060708');
});

perBackend('OP_CONSTANT of any length', (t, backend) => {
  const constant = (length: number) => dataRecord(backend, {}, [OP_CONSTANT, 0, length, 0xf1020304]);
  t.is(constant(1), '04');
  t.is(constant(2), '0304');
  t.is(constant(3), '020304');
  t.is(constant(4), 'f1020304');
  t.is(constant(5), '00f1020304');
  t.is(constant(16), '000000000000000000000000f1020304');
});

perBackend('OP_TEXT up to the first NUL, its length in front', (t, backend) => {
  t.is(dataRecord(backend, { helper: 'ftp' }, [OP_TEXT, HELPER, 16, 0]), '03667470');
  t.is(dataRecord(backend, {}, [OP_TEXT, HELPER, 16, 0]), '00');
  t.is(dataRecord(backend, { helper: 'abcd' }, [OP_TEXT, HELPER, 2, 0]), '026162');
  t.is(dataRecord(backend, { helper: 'abcd' }, [OP_TEXT, HELPER + 1, 15, 0]), '03626364');
  t.is(dataRecord(backend, { helper: 'x'.repeat(16) }, [OP_TEXT, HELPER, 16, 0]), `10${'78'.repeat(16)}`);
});

perBackend('OP_TCP_STATE names the state, where it is known', (t, backend) => {
  for (const [state, name] of [...TCP_STATES, '', ''].entries()) {
    const expected = Buffer.from([name.length, ...Buffer.from(name)]).toString('hex');
    t.is(dataRecord(backend, { state }, [OP_TCP_STATE, STATE, 0, 0]), expected, name);
  }
  t.is(dataRecord(backend, { sctpState: 3 }, [OP_TCP_STATE, STATE, 0, 0]), '00');
});

perBackend('OP_SECONDS divides any whole number of milliseconds', (t, backend) => {
  for (const milliseconds of [
    0,
    999,
    1000,
    1_700_000_000_999,
    4_294_967_295_999,
    4_294_967_296_000,
    2 ** 32 - 1,
    2 ** 53 - 1,
  ]) {
    const table = flowTable({});
    table.setStartMs(0, milliseconds);
    const rig = new EncoderRig(backend, table, { plan: Uint32Array.of(OP_SECONDS, FLOW_START_MS, 4, 0) });
    const expected = Math.floor(milliseconds / 1000) % 2 ** 32;
    t.is(rig.all([0]).messages[0].data.readUInt32BE(4), expected, String(milliseconds));
  }
});

perBackend('OP_NTP counts from 1900, and whoever cuts its fraction off has the millisecond', (t, backend) => {
  for (const cut of [0, 0x7ff]) {
    for (const milliseconds of [0, 1, 999, 1000, 1_700_000_000_123, 1_700_000_000_999, 2_085_978_496_000, 2 ** 43]) {
      const table = flowTable({});
      table.setStartMs(0, milliseconds);
      const rig = new EncoderRig(backend, table, { plan: Uint32Array.of(OP_NTP, FLOW_START_MS, 8, cut) });
      const { data } = rig.all([0]).messages[0];
      const fraction = data.readUInt32BE(8);
      t.is(data.readUInt32BE(4), (Math.floor(milliseconds / 1000) + 2_208_988_800) % 2 ** 32, String(milliseconds));
      t.is(fraction % (cut + 1), 0);
      t.is(Math.floor((fraction * 1000) / 2 ** 32), milliseconds % 1000);
      // to half a microsecond
      t.true(fraction - ((milliseconds % 1000) * 2 ** 32) / 1000 <= cut + 1);
    }
  }
});

perBackend('a name is written where the flow has its number', (t, backend) => {
  const names = new NameTable();
  const known = ['web', 'größe', 'x'.repeat(254)].map(name => names.intern(name));
  const plan = [OP_NAME, SOURCE_POD_NAME, 0, 0, OP_U8, FLOW_TYPE, 1, 0];
  const written = (number: number): string => {
    const extras = { names: Uint32Array.of(number, 0, 0, 0, 0, 0, 0), types: Uint8Array.of(7) };
    return dataRecord(backend, {}, plan, { extras, names });
  };
  const hex = (text: string) => Buffer.from(text).toString('hex');
  t.deepEqual(known.map(written), [`03${hex('web')}07`, `07${hex('größe')}07`, `fe${hex('x'.repeat(254))}07`]);
  for (const unknown of [0, 7, 8, 127, 128, 0xffffffff]) t.is(written(unknown), '0007', `${unknown}`);
  t.is(dataRecord(backend, {}, plan, { names }), '0000', 'nobody knows names');
});

perBackend('interfaces are written, and whether each is known is in the kind of the record', (t, backend) => {
  const plan = [OP_U32, INGRESS_INTERFACE, 4, 0, OP_U32, EGRESS_INTERFACE, 4, 0];
  const kinds: number[] = [];
  const written = (ingress: number, egress: number): string => {
    const interfaces = Uint32Array.of(ingress, egress);
    const templates = (kind: number) => {
      kinds.push(kind);
      return [{ id: 256, plan: Uint32Array.from(plan), reserve: 0 }];
    };
    const options = { shapes: INGRESS | EGRESS, extras: { interfaces }, templates };
    return new EncoderRig(backend, flowTable({}), options).all([0]).messages[0].data.subarray(4).toString('hex');
  };
  t.is(written(7, 0xffff_fffe), '00000007fffffffe');
  t.is(written(7, 0), '0000000700000000');
  t.is(written(0, 8), '0000000000000008');
  t.is(written(0, 0), '0000000000000000');
  t.deepEqual(kinds, [INGRESS | EGRESS, INGRESS, EGRESS, 0]);
  t.is(dataRecord(backend, {}, plan), '0000000000000000', 'nobody looks them up');
});

perBackend('packed TCP states become a list of their names', (t, backend) => {
  const list = (states: number, state = 9): string => {
    const options = { extras: { states: Uint32Array.of(states) } };
    const text = Buffer.from(dataRecord(backend, { state }, [OP_TCP_HISTORY, TCP_STATE_HISTORY, 0, 0], options), 'hex');
    t.is(text[0], text.length - 1);
    return text.subarray(1).toString();
  };
  t.is(list(0), '');
  t.is(list(1), 'SYN_SENT');
  t.is(list(0x7321), 'SYN_SENT,SYN_RECV,ESTABLISHED,TIME_WAIT');
  t.is(list(0x7321, 3), 'SYN_SENT,SYN_RECV', 'those before its own');
  t.is(list(0x33333333), Array(8).fill('ESTABLISHED').join(','));
  t.is(list(0x3f1), 'SYN_SENT', 'no state ends the list');
  t.is(list(0x301), 'SYN_SENT', 'zero ends the list');
});

perBackend('deltas count from what was exported last, and the totals of zeroed counters go on', (t, backend) => {
  const table = flowTable(tcp(1, 0, [10, 600, 3, 180]));
  const plan = Uint32Array.of(
    OP_U64,
    ORIG_OCTETS,
    8,
    0,
    OP_U64,
    ORIG_PACKET_DELTA,
    8,
    0,
    OP_U64,
    REPLY_PACKET_DELTA,
    8,
    0,
  );
  const rig = new EncoderRig(backend, table, { plan });
  const numbersOf = (): bigint[] => {
    const { data } = rig.all([0]).messages.at(-1)!;
    return [4, 12, 20].map(at => data.readBigUInt64BE(at));
  };
  t.deepEqual(numbersOf(), [600n, 10n, 3n]);
  table.rows[ORIG_PACKETS_WORD] = 12;
  t.deepEqual(numbersOf(), [600n, 2n, 0n]);
  table.keepZeroed(0);
  table.rows.fill(0, ORIG_PACKETS_WORD, ORIG_PACKETS_WORD + 8);
  rig.slots.words.fill(0, rig.slots.countersAt(0), rig.slots.countersAt(0) + 8);
  table.rows[ORIG_PACKETS_WORD] = 1;
  table.rows[ORIG_PACKETS_WORD + 2] = 40;
  t.deepEqual(numbersOf(), [640n, 1n, 0n]);
});

perBackend('a record that is written updates the export state; reason 0 leaves everything as it was', (t, backend) => {
  const table = flowTable(tcp(1, 0, [10, 600, 3, 180], { state: 7 }), tcp(2, 0, [1, 60, 0, 0]));
  const rig = new EncoderRig(backend, table, { plan: ONE });
  t.is(rig.encode([0, 1], [3 | LAST, 0]), 2);
  const { slots } = rig;
  t.deepEqual(slots.words.slice(slots.countersAt(0), slots.countersAt(0) + 8), table.rows.slice(26, 34));
  t.deepEqual([slots.lastReason(0), slots.lastState(0)], [3, 7]);
  t.true(slots.bytes.subarray(64).every(byte => byte === 0));
  t.is(rig.all([]).messages[0].records, 1);
});

perBackend('records fill messages up to the limit', (t, backend) => {
  const rig = new EncoderRig(backend, flowTable(...numbers(5).map(() => ({}))), { plan: ONE, limit: 22 });
  t.deepEqual(
    rig.all(numbers(5)).messages.map(({ data, records }) => [data.length, records]),
    [
      [6, 2],
      [6, 2],
      [5, 1],
    ],
  );
});

perBackend('a record is measured with its names before it is put into a message', (t, backend) => {
  const names = new NameTable();
  const column = new Uint32Array(21);
  for (const i of [0, 1, 2]) column[i * 7] = names.intern('x'.repeat(100 + i));
  const rig = new EncoderRig(backend, flowTable({}, {}, {}), {
    plan: Uint32Array.of(OP_NAME, SOURCE_POD_NAME, 0, 0),
    extras: { names: column, types: new Uint8Array(3) },
    names,
    limit: 20 + 101 + 102,
  });
  t.deepEqual(
    rig.all([0, 1, 2]).messages.map(({ data, records }) => [data.length, records]),
    [
      [207, 2],
      [107, 1],
    ],
  );
});

perBackend('a message leaves room for its template, where a record fits beside it', (t, backend) => {
  const template = (reserve: number) => () => [{ id: 256, plan: ONE, reserve }];
  const table = flowTable({}, {}, {}, {});
  const rig = new EncoderRig(backend, table, { limit: 28, templates: template(6) });
  t.is(rig.encode([0, 1]), 2);
  rig.encoder.reserve(256, 0);
  // the open message keeps its room, the next one has none
  rig.all([2, 3]);
  t.deepEqual(
    rig.messages.map(({ data, records, reserved }) => [data.length, records, reserved]),
    [
      [6, 2, 6],
      [6, 2, 0],
    ],
  );
  const tight = new EncoderRig(backend, table, { limit: 28, templates: template(8) });
  t.deepEqual(tight.all([0]).messages[0].reserved, 0);
  const large = new EncoderRig(backend, table, { limit: 28, templates: template(TOO_LARGE) });
  t.deepEqual(large.all([0, 1]).messages, []);
  t.deepEqual([...large.closed.oversize.subarray(0, 2)], [256, 2], 'counted under its template');
});

perBackend('a record that fits no message is counted and updated, and the others are written', (t, backend) => {
  const helpers = ['', 'too-long-a-name', 'ok', 'too-long-too'];
  const table = flowTable(...helpers.map(helper => ({ helper, counters: [2, 120, 1, 60] as const })));
  const plan = Uint32Array.of(OP_TEXT, HELPER, 16, 0, OP_U64, ORIG_PACKET_DELTA, 8, 0);
  const rig = new EncoderRig(backend, table, { plan, limit: 32, journal: 7 });
  const { messages } = rig.all([0, 1, 2, 3]);
  t.is(messages.map(({ records }) => records).join(), '1,1');
  const counted = [...rig.closed.oversize.subarray(0, 8)];
  t.deepEqual(counted, [256, 2, 4, 0, 0, 0, 0, 0], 'template, records, packets and octets of the fields that it has');
  t.deepEqual(
    [0, 1, 2, 3].map(slot => rig.slots.lastReason(slot)),
    [2, 2, 2, 2],
  );
});

perBackend('what finds no room in the output stays as it was', (t, backend) => {
  const table = flowTable(...numbers(6).map(() => ({ counters: [1, 60, 0, 0] as const })));
  const rig = new EncoderRig(backend, table, { plan: ONE, limit: 22, room: 22 });
  t.is(rig.encode(numbers(6)), 4, 'one message is closed, another is open');
  t.true(rig.isFull);
  t.deepEqual(
    [...numbers(6)].map(slot => rig.slots.lastReason(slot)),
    [2, 2, 2, 2, 0, 0],
  );
  t.false(rig.encoder.close());
  rig.collect();
  t.is(rig.encode([4, 5]), 2);
  t.deepEqual(
    rig
      .collect()
      .all([])
      .messages.map(({ records }) => records),
    [2, 2, 2],
  );
});

perBackend('two uniflows: both directions from the old state, together or not at all', (t, backend) => {
  const plans = [ORIG_PACKET_DELTA, REPLY_PACKET_DELTA].map(delta => Uint32Array.of(OP_U64, delta, 8, 0));
  const kinds: number[] = [];
  const templates = (kind: number) => {
    kinds.push(kind);
    const sides = [kind & FORWARD ? 0 : -1, kind & REPLY ? 1 : -1].filter(side => side >= 0);
    return sides.map(side => ({ id: 256 + side, plan: plans[side], reserve: 0 }));
  };
  const facts = (
    [
      [3, 1, 2, 1],
      [3, 1, 0, 0],
      [0, 0, 2, 1],
      [3, 1, 4, 1],
    ] as const
  ).map(counters => ({ counters }));
  const options = { shapes: COUNTERS | REPLY_COUNTERS, uniflows: true, templates, journal: 1 };
  const rig = new EncoderRig(backend, flowTable(...facts), { ...options, limit: 28, room: 80 });
  t.is(rig.encode([0, 1, 2]), 3);
  const shape = COUNTERS | REPLY_COUNTERS;
  t.deepEqual(kinds, [shape | FORWARD | REPLY, shape | FORWARD, shape | REPLY]);
  t.is(kinds[0] & REVERSED, 0);
  t.is(rig.encode([3]), 1);
  const messages = rig.all([0]).messages.map(({ data }) => [data.readUInt16BE(0), Number(data.readBigUInt64BE(4))]);
  t.deepEqual(
    messages.toSorted(),
    [
      [256, 0],
      [256, 3],
      [256, 3],
      [256, 3],
      [257, 2],
      [257, 2],
      [257, 4],
    ],
    'without a new packet a forward record alone',
  );
  const tight = new EncoderRig(backend, flowTable(...facts), { ...options, limit: 28, room: 28 });
  t.is(tight.encode([0, 3]), 1);
  t.true(tight.isFull);
  t.is(tight.slots.lastReason(3), 0);
  t.deepEqual(tight.collect().messages, [], 'neither of the two is closed');
});

perBackend('journal entries stand beside the records of the messages, in their order', (t, backend) => {
  const table = flowTable(
    ...numbers(5).map(i => {
      const { id: _, ...facts } = tcp(i + 1, 0, [i, 60, 0, 0]);
      return i === 2 ? facts : { ...facts, id: 100 + i };
    }),
  );
  const rig = new EncoderRig(backend, table, { plan: ONE, limit: 22, journal: 9 });
  t.is(rig.encode(numbers(5), [2, 2, 2, 1, 3 | LAST]), 5);
  rig.collect();
  t.deepEqual(
    rig.entries.map(([id]) => id),
    [100, 101, 103],
    'of the closed messages; one has no id',
  );
  rig.all([]);
  t.deepEqual(
    rig.entries.map(([id]) => id),
    [100, 101, 103, 104],
  );
  t.deepEqual(rig.entries[1].slice(1), [
    ...table.rows.subarray(48 + 34, 48 + 36),
    ...table.rows.subarray(48 + 26, 48 + 34),
    2 | (3 << 8) | (9 << 16),
  ]);
  t.is(rig.entries[3][11], 3 | LAST | (3 << 8) | (9 << 16));
  const without = new EncoderRig(backend, table, { plan: ONE });
  t.deepEqual(without.all(numbers(5)).entries, []);
});
