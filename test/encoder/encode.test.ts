import type { ExecutionContext } from 'ava';
import type { Backend } from '../../src/backend/backend.js';
import type { EncodeRequest } from '../../src/encoder/request.js';
import { CtflowError } from '../../src/common/errors.js';
import { HOST_LITTLE_ENDIAN } from '../../src/common/u64.js';
import {
  FLOW_START_MS,
  HAS_TCP_STATE,
  HELPER,
  MARK,
  OP_BYTES,
  OP_CONSTANT,
  OP_NAME,
  OP_SECONDS,
  OP_TCP_HISTORY,
  OP_TCP_STATE,
  OP_TEXT,
  OP_U16,
  OP_U32,
  OP_U64,
  OP_U8,
  ORIG_OCTETS,
  ORIG_SPORT,
  ORIG_SRC,
  PRESENT,
  PROTOCOL,
  RECORD_SIZE,
  SOURCE_POD_NAME,
  STATE,
  TCP_STATE_HISTORY,
  TCP_STATES,
} from '../../src/row/layout.generated.js';
import { NameTable } from '../../src/record/name-table.js';
import { perBackend } from '../helpers/backends.js';

/** Records to be filled field by field. */
class Records {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(count: number) {
    this.bytes = new Uint8Array(count * RECORD_SIZE);
    this.#view = new DataView(this.bytes.buffer);
  }

  u8(record: number, offset: number, value: number): this {
    this.#view.setUint8(record * RECORD_SIZE + offset, value);
    return this;
  }

  u16(record: number, offset: number, value: number): this {
    this.#view.setUint16(record * RECORD_SIZE + offset, value, HOST_LITTLE_ENDIAN);
    return this;
  }

  u32(record: number, offset: number, value: number): this {
    this.#view.setUint32(record * RECORD_SIZE + offset, value, HOST_LITTLE_ENDIAN);
    return this;
  }

  u64(record: number, offset: number, value: bigint): this {
    this.u32(record, offset, Number(value & 0xffffffffn));
    return this.u32(record, offset + 4, Number(value >> 32n));
  }

  text(record: number, offset: number, text: string): this {
    this.bytes.set(Buffer.from(text, 'latin1'), record * RECORD_SIZE + offset);
    return this;
  }
}

function request(overrides: Partial<EncodeRequest>): EncodeRequest {
  const records = overrides.records ?? new Uint8Array(0);
  return {
    plan: Uint32Array.of(OP_U8, PROTOCOL, 1, 0),
    templateId: 256,
    names: new Uint8Array(0),
    nameEnds: new Uint32Array(0),
    records,
    from: 0,
    to: records.length / RECORD_SIZE,
    prefix: new Uint8Array(0),
    limit: 1400,
    exportTime: 0x65432100,
    sequence: 7,
    observationDomain: 0xfedcba98,
    out: new Uint8Array(20_000),
    lengths: new Uint32Array(40),
    ...overrides,
  };
}

/** Everything the encoder wrote, as messages in hexadecimal. */
function messages(backend: Backend, wanted: EncodeRequest): string[] {
  const { messages } = backend.encode(wanted);
  const texts: string[] = [];
  let at = 0;
  for (let i = 0; i < messages; i++) {
    texts.push(Buffer.from(wanted.out.subarray(at, at + wanted.lengths[2 * i])).toString('hex'));
    at += wanted.lengths[2 * i];
  }
  return texts;
}

/** The one data record of one message, in hexadecimal. */
function dataRecord(backend: Backend, records: Records, ...plan: number[]): string {
  const [message] = messages(backend, request({ records: records.bytes, plan: Uint32Array.from(plan) }));
  return message.slice(40);
}

perBackend('a message: header of RFC 7011 section 3.1, one data set', (t, backend) => {
  const records = new Records(2).u8(0, PROTOCOL, 6).u8(1, PROTOCOL, 17);
  const wanted = request({ records: records.bytes });
  t.deepEqual({ ...backend.encode(wanted) }, { messages: 1, next: 2, oversize: 0 });
  t.deepEqual([...wanted.lengths.subarray(0, 2)], [22, 2]);
  t.deepEqual(messages(backend, wanted), ['000a0016' + '65432100' + '00000007' + 'fedcba98' + '01000006' + '0611']);
});

perBackend('OP_BYTES copies bytes unchanged', (t, backend) => {
  const records = new Records(1);
  records.bytes.set(
    Array.from({ length: 16 }, (_, i) => i + 1),
    ORIG_SRC,
  );
  t.is(dataRecord(backend, records, OP_BYTES, ORIG_SRC, 4, 0), '01020304');
  t.is(dataRecord(backend, records, OP_BYTES, ORIG_SRC, 16, 0), '0102030405060708090a0b0c0d0e0f10');
  t.is(dataRecord(backend, records, OP_BYTES, ORIG_SRC + 1, 3, 0), '020304');
});

perBackend('numbers are big-endian, wider ones with zeros in front', (t, backend) => {
  const records = new Records(1).u8(0, PROTOCOL, 0xf1).u16(0, ORIG_SPORT, 0xf102).u32(0, MARK, 0xf1020304);
  for (const [length, expected] of [
    [1, 'f1'],
    [2, '00f1'],
    [4, '000000f1'],
    [8, '00000000000000f1'],
  ] as const) {
    t.is(dataRecord(backend, records, OP_U8, PROTOCOL, length, 0), expected);
  }
  t.is(dataRecord(backend, records, OP_U16, ORIG_SPORT, 2, 0), 'f102');
  t.is(dataRecord(backend, records, OP_U16, ORIG_SPORT, 4, 0), '0000f102');
  t.is(dataRecord(backend, records, OP_U16, ORIG_SPORT, 8, 0), '000000000000f102');
  t.is(dataRecord(backend, records, OP_U32, MARK, 4, 0), 'f1020304');
  t.is(dataRecord(backend, records, OP_U32, MARK, 8, 0), '00000000f1020304');
});

perBackend('64-bit numbers are exact', (t, backend) => {
  const records = new Records(1).u64(0, ORIG_OCTETS, 0xf102030405060708n);
  t.is(dataRecord(backend, records, OP_U64, ORIG_OCTETS, 8, 0), 'f102030405060708');
});

perBackend('OP_CONSTANT of any length', (t, backend) => {
  const records = new Records(1);
  const constant = (length: number) => dataRecord(backend, records, OP_CONSTANT, 0, length, 0xf1020304);
  t.is(constant(1), '04');
  t.is(constant(2), '0304');
  t.is(constant(3), '020304');
  t.is(constant(4), 'f1020304');
  t.is(constant(5), '00f1020304');
  t.is(constant(16), '000000000000000000000000f1020304');
});

perBackend('OP_TEXT up to the first NUL, its length in front', (t, backend) => {
  t.is(dataRecord(backend, new Records(1).text(0, HELPER, 'ftp'), OP_TEXT, HELPER, 16, 0), '03667470');
  t.is(dataRecord(backend, new Records(1), OP_TEXT, HELPER, 16, 0), '00');
  t.is(dataRecord(backend, new Records(1).text(0, HELPER, 'abcd'), OP_TEXT, HELPER, 2, 0), '026162');
  const long = dataRecord(backend, new Records(1).text(0, 0, 'x'.repeat(256)), OP_TEXT, 0, 254, 0);
  t.is(long, 'fe' + '78'.repeat(254));
});

perBackend('OP_TCP_STATE names the state, where it is known', (t, backend) => {
  for (const [state, name] of [...TCP_STATES, '', ''].entries()) {
    const records = new Records(1).u8(0, STATE, state).u32(0, PRESENT, HAS_TCP_STATE);
    const expected = Buffer.from([name.length, ...Buffer.from(name)]).toString('hex');
    t.is(dataRecord(backend, records, OP_TCP_STATE, STATE, 0, 0), expected, name);
  }
  const unknown = new Records(1).u8(0, STATE, 3).u32(0, PRESENT, ~HAS_TCP_STATE >>> 0);
  t.is(dataRecord(backend, unknown, OP_TCP_STATE, STATE, 0, 0), '00');
});

perBackend('OP_SECONDS divides any 64-bit number of milliseconds', (t, backend) => {
  const numbers = [0n, 999n, 1000n, 1_700_000_000_999n, 4_294_967_295_999n, 4_294_967_296_000n, 2n ** 64n - 1n];
  for (const milliseconds of [...numbers, 2n ** 32n - 1n, 2n ** 53n + 1n, 12_345_678_901_234_567_890n]) {
    const records = new Records(1).u64(0, FLOW_START_MS, milliseconds);
    const expected = BigInt.asUintN(32, milliseconds / 1000n)
      .toString(16)
      .padStart(8, '0');
    t.is(dataRecord(backend, records, OP_SECONDS, FLOW_START_MS, 4, 0), expected, String(milliseconds));
  }
});

perBackend('records fill messages up to the limit; the sequence counts them', (t, backend) => {
  const wanted = request({ records: new Records(5).bytes, limit: 22, sequence: 0xfffffffe });
  t.deepEqual({ ...backend.encode(wanted) }, { messages: 3, next: 5, oversize: 0 });
  t.deepEqual([...wanted.lengths.subarray(0, 6)], [22, 2, 22, 2, 21, 1]);
  t.deepEqual(
    messages(backend, wanted).map(message => message.slice(16, 24)),
    ['fffffffe', '00000000', '00000002'],
  );
});

perBackend('the prefix stands in the first message only', (t, backend) => {
  const prefix = Uint8Array.of(0, 2, 0, 6, 9, 9);
  const wanted = request({ records: new Records(4).bytes, limit: 28, prefix });
  t.deepEqual(
    messages(backend, wanted).map(message => message.slice(32)),
    ['000200060909' + '01000006' + '0000', '01000006' + '0000'],
  );
});

perBackend('the prefix is a message of its own where no record fits beside it, or there is none', (t, backend) => {
  const prefix = new Uint8Array(8).fill(1);
  const beside = request({ records: new Records(1).bytes, limit: 28, prefix });
  t.deepEqual({ ...backend.encode(beside) }, { messages: 2, next: 1, oversize: 0 });
  t.deepEqual([...beside.lengths.subarray(0, 4)], [24, 0, 21, 1]);
  const alone = request({ prefix });
  t.deepEqual({ ...backend.encode(alone) }, { messages: 1, next: 0, oversize: 0 });
  t.deepEqual([...alone.lengths.subarray(0, 2)], [24, 0]);
  t.deepEqual({ ...backend.encode(request({})) }, { messages: 0, next: 0, oversize: 0 });
});

perBackend('a record that fits no message is skipped, and the others are sent', (t, backend) => {
  const records = new Records(4)
    .text(1, HELPER, 'too-long-a-name')
    .text(2, HELPER, 'ok')
    .text(3, HELPER, 'too-long-too');
  const wanted = request({ records: records.bytes, plan: Uint32Array.of(OP_TEXT, HELPER, 16, 0), limit: 24 });
  t.deepEqual({ ...backend.encode(wanted) }, { messages: 1, next: 4, oversize: 2 });
  t.is(messages(backend, wanted)[0].slice(40), '00' + '026f6b');
  const none = request({ records: records.bytes, plan: Uint32Array.of(OP_BYTES, 0, 16, 0), limit: 24 });
  t.deepEqual({ ...backend.encode(none) }, { messages: 0, next: 4, oversize: 4 });
  const prefixed = request({ ...none, prefix: new Uint8Array(4) });
  t.deepEqual({ ...backend.encode(prefixed) }, { messages: 1, next: 4, oversize: 4 });
});

perBackend('encoding stops where a message might not fit, or has no pair of lengths', (t, backend) => {
  const records = new Records(6).bytes;
  const full = request({ records, limit: 22, out: new Uint8Array(22 + 21) });
  t.deepEqual({ ...backend.encode(full) }, { messages: 1, next: 2, oversize: 0 });
  const pairs = request({ records, limit: 22, lengths: new Uint32Array(5) });
  t.deepEqual({ ...backend.encode(pairs) }, { messages: 2, next: 4, oversize: 0 });
  const nowhere = request({ records, out: new Uint8Array(100) });
  t.deepEqual({ ...backend.encode(nowhere) }, { messages: 0, next: 0, oversize: 0 });
});

perBackend('from and to choose records', (t, backend) => {
  const records = new Records(3).u8(0, PROTOCOL, 1).u8(1, PROTOCOL, 2).u8(2, PROTOCOL, 3);
  t.is(messages(backend, request({ records: records.bytes, from: 1, to: 2 }))[0].slice(40), '02');
});

perBackend('records and output at any address', (t, backend) => {
  const records = new Uint8Array(1 + RECORD_SIZE);
  records.set(new Records(1).u64(0, ORIG_OCTETS, 0x0102030405060708n).bytes, 1);
  const plan = Uint32Array.of(OP_U64, ORIG_OCTETS, 8, 0);
  const out = new Uint8Array(3001).subarray(1);
  t.is(messages(backend, request({ records: records.subarray(1), plan, out }))[0].slice(40), '0102030405060708');
});

/** The one data record with one name, of which the record has this number. */
function nameRecord(backend: Backend, table: NameTable, number: number): string {
  const records = new Records(1).u32(0, SOURCE_POD_NAME, number).bytes;
  const plan = Uint32Array.of(OP_NAME, SOURCE_POD_NAME, 0, 0, OP_U8, PROTOCOL, 1, 0);
  const { bytes: names, ends: nameEnds } = table;
  return messages(backend, request({ records, plan, names, nameEnds }))[0].slice(40);
}

perBackend('a name is written where the record has its number', (t, backend) => {
  const table = new NameTable();
  const numbers = ['web', 'größe', 'x'.repeat(254)].map(name => table.intern(name));
  const hex = (text: string) => Buffer.from(text).toString('hex');
  t.deepEqual(
    numbers.map(number => nameRecord(backend, table, number)),
    [`03${hex('web')}00`, `07${hex('größe')}00`, `fe${hex('x'.repeat(254))}00`],
  );
  for (const unknown of [0, 7, 8, 127, 128, 0xffffffff])
    t.is(nameRecord(backend, table, unknown), '0000', `${unknown}`);
});

perBackend('a record is measured with its names before it is put into a message', (t, backend) => {
  const table = new NameTable();
  const records = new Records(3);
  for (const i of [0, 1, 2]) records.u32(i, SOURCE_POD_NAME, table.intern('x'.repeat(100 + i)));
  const plan = Uint32Array.of(OP_NAME, SOURCE_POD_NAME, 0, 0);
  const wanted = request({
    records: records.bytes,
    plan,
    names: table.bytes,
    nameEnds: table.ends,
    limit: 20 + 101 + 102,
  });
  t.deepEqual({ ...backend.encode(wanted) }, { messages: 2, next: 3, oversize: 0 });
  t.deepEqual([...wanted.lengths.subarray(0, 4)], [223, 2, 123, 1]);
});

perBackend('packed TCP states become a list of their names', (t, backend) => {
  const list = (packed: number): string => {
    const records = new Records(1).u32(0, TCP_STATE_HISTORY, packed);
    const text = Buffer.from(dataRecord(backend, records, OP_TCP_HISTORY, TCP_STATE_HISTORY, 0, 0), 'hex');
    t.is(text[0], text.length - 1);
    return text.subarray(1).toString();
  };
  t.is(list(0), '');
  t.is(list(1), 'SYN_SENT');
  t.is(list(0x7321), 'SYN_SENT,SYN_RECV,ESTABLISHED,TIME_WAIT');
  t.is(list(0x33333333), Array(8).fill('ESTABLISHED').join(','));
  t.is(list(0x3f1), 'SYN_SENT', 'no state ends the list');
  t.is(list(0x301), 'SYN_SENT', 'zero ends the list');
});

perBackend('an invalid plan is refused', (t, backend) => {
  for (const plan of [
    [],
    [OP_U8, 0, 1],
    [11, 0, 1, 0],
    [OP_U8, 0, 3, 0],
    [OP_U8, RECORD_SIZE, 1, 0],
    [OP_U16, 0, 1, 0],
    [OP_U16, RECORD_SIZE - 1, 2, 0],
    [OP_U32, 0, 2, 0],
    [OP_U64, 0, 4, 0],
    [OP_U64, RECORD_SIZE - 7, 8, 0],
    [OP_BYTES, 0, 0, 0],
    [OP_BYTES, 1, RECORD_SIZE, 0],
    [OP_BYTES, 0xffffffff, 4, 0],
    [OP_CONSTANT, 0, 0, 0],
    [OP_CONSTANT, 0, 17, 0],
    [OP_TEXT, 0, 0, 0],
    [OP_TEXT, 0, 255, 0],
    [OP_TEXT, RECORD_SIZE - 3, 4, 0],
    [OP_TCP_STATE, STATE, 1, 0],
    [OP_TCP_STATE, RECORD_SIZE, 0, 0],
    [OP_SECONDS, 0, 8, 0],
    [OP_NAME, 0, 4, 0],
    [OP_NAME, RECORD_SIZE - 3, 0, 0],
    [OP_TCP_HISTORY, 0, 1, 0],
    [OP_TCP_HISTORY, RECORD_SIZE - 3, 0, 0],
  ]) {
    isRefused(t, backend, request({ plan: Uint32Array.from(plan) }), plan.join());
  }
  // The second instruction is named.
  const error = t.throws(() =>
    backend.encode(request({ plan: Uint32Array.of(OP_U8, 0, 1, 0, OP_U64, 0, 4, 0), records: new Uint8Array(0) })),
  );
  t.regex(error.message, /instruction 1\b/);
});

perBackend('an inconsistent request is refused', (t, backend) => {
  const records = new Records(2).bytes;
  isRefused(t, backend, request({ records, from: 2, to: 1 }), 'from behind to');
  isRefused(t, backend, request({ records, to: 3 }), 'more records than there are');
  isRefused(t, backend, request({ records, limit: 65536 }), 'limit');
  isRefused(t, backend, request({ records, limit: 20, prefix: new Uint8Array(5) }), 'prefix beyond the limit');
  isRefused(t, backend, request({ records, templateId: 255 }), 'reserved set id');
  isRefused(t, backend, request({ records, templateId: 65536 }), 'template id of more than 16 bits');
});

function isRefused(t: ExecutionContext, backend: Backend, wanted: EncodeRequest, what: string): void {
  const error = t.throws(() => backend.encode(wanted), { instanceOf: CtflowError }, what);
  t.is(error?.code, 'CTFLOW_USAGE', what);
}
