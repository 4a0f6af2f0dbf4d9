import test from 'ava';
import { constants } from 'node:os';
import type { Backend } from '../../src/backend/backend.js';
import type { EncodeRequest } from '../../src/encoder/request.js';
import { type Binding, createNativeBackend } from '../../src/backend/native.js';
import { CtflowError, type ErrorCode } from '../../src/common/errors.js';
import { filterWords } from '../../src/row/filter.js';
import { LAYOUT_VERSION, OP_BYTES, RECORD_SIZE, ROW_SIZE } from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import { needs } from '../helpers/kernel/require.js';

const { EIO } = constants.errno;

const native = needs(test, ['native']);
const load = (): Promise<Backend> => loadBackend('native');

function code(call: () => unknown): ErrorCode | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof CtflowError) return error.code;
    throw error;
  }
  return undefined;
}

function request(change: Partial<EncodeRequest> = {}): EncodeRequest {
  return {
    plan: Uint32Array.of(OP_BYTES, 0, 4, 0),
    templateId: 258,
    names: new Uint8Array(0),
    nameEnds: new Uint32Array(0),
    records: Uint8Array.from({ length: 3 * RECORD_SIZE }, (_, at) => at % RECORD_SIZE),
    from: 1,
    to: 3,
    prefix: Uint8Array.of(9, 8, 7, 6),
    limit: 100,
    exportTime: 0x65536373,
    sequence: 0xffffffff,
    observationDomain: 0x80000001,
    out: new Uint8Array(200),
    lengths: new Uint32Array(4),
    ...change,
  };
}

test('a module of another row layout is refused', t => {
  const binding = { layoutVersion: () => LAYOUT_VERSION + 1 } as Binding;
  const error = t.throws(() => createNativeBackend(binding), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_BACKEND_BROKEN');
  t.true(error.message.includes(`${LAYOUT_VERSION + 1}`));
  t.regex(error.hint, /npm run build/);
});

for (const [errno, reason] of [
  [0, undefined],
  [EIO, 'EIO'],
] as const) {
  test(`whether the kernel segments is tested once: ${reason ?? 'it does'}`, async t => {
    let tests = 0;
    const opened: boolean[] = [];
    const said: string[] = [];
    const { connectDatagram } = createNativeBackend({
      layoutVersion: () => LAYOUT_VERSION,
      testUdpSegmentation: () => (tests++, errno),
      UdpSender: function (_address: string, _port: number, segment: boolean) {
        opened.push(segment);
      },
    } as unknown as Binding);
    const listener = {
      sent() {},
      refused() {},
      failed: () => true,
      unsegmented: (why: string) => void said.push(why),
      ready() {},
    };
    const works = reason === undefined;
    for (const segment of [false, true, true]) {
      const { segments } = await connectDatagram({ address: '', family: 4, port: 9, segment }, listener);
      t.is(segments, segment && works);
    }
    t.is(tests, 1);
    t.deepEqual(opened, [false, works, works]);
    t.deepEqual(said, works ? [] : [reason, reason]);
  });
}

native('a request is encoded member by member', async t => {
  const { encode } = await load();
  const wanted = request();
  t.deepEqual(encode(wanted), { messages: 1, next: 3, oversize: 0 });
  t.deepEqual([...wanted.lengths], [32, 2, 0, 0]);
  t.is(
    Buffer.from(wanted.out.subarray(0, 32)).toString('hex'),
    '000a0020' + '65536373' + 'ffffffff' + '80000001' + '09080706' + '0102000c' + '00010203' + '00010203',
  );
});

native('a dump is decoded', async t => {
  const { decode } = await load();
  const done = Uint8Array.of(20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf4, 0xff, 0xff, 0xff);
  const nothing = { rows: 0, filtered: 0, malformed: 0, ignored: 0, interrupted: false };
  const decoded = decode(done, true, filterWords({}), new Uint8Array(ROW_SIZE));
  t.deepEqual(decoded, { ...nothing, consumed: 20, done: true, error: 12 });
  const full = decode(done, true, filterWords({}), new Uint8Array(0));
  t.deepEqual(full, { ...nothing, consumed: 0, done: false, error: 0 });
});

native('views into a larger buffer are read and written in place', async t => {
  const { encode } = await load();
  const whole = request();
  encode(whole);
  const out = new Uint8Array(300).fill(0xee);
  encode(request({ out: out.subarray(50, 250) }));
  t.deepEqual(out.subarray(50, 82), whole.out.subarray(0, 32));
  t.true(out.subarray(0, 50).every(byte => byte === 0xee) && out.subarray(250).every(byte => byte === 0xee));
});

native('an invalid request is a typed error', async t => {
  const { encode, decode } = await load();
  const error = t.throws(() => encode(request({ plan: Uint32Array.of(99, 0, 0, 0) })), { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_USAGE');
  t.is(error.message, 'plan instruction 0 is [99, 0, 0, 0]');
  t.is(
    code(() => encode(request({ limit: 65536 }))),
    'CTFLOW_USAGE',
  );
  t.is(
    code(() => decode(new Uint8Array(20), true, new Uint32Array(15), new Uint8Array(ROW_SIZE))),
    'CTFLOW_USAGE',
  );
});

native('one buffer for both input and output is refused', async t => {
  const { encode, decode } = await load();
  const bytes = new Uint8Array(3 * RECORD_SIZE);
  const words = new Uint32Array(bytes.buffer, 0, 16);
  const rows = bytes.subarray(100);
  const refused = [
    () => encode(request({ records: bytes, out: bytes.subarray(600) })),
    () => encode(request({ prefix: bytes.subarray(10, 20), out: bytes })),
    () => encode(request({ lengths: words, out: bytes })),
    () => encode(request({ records: bytes, lengths: words })),
    () => decode(bytes.subarray(0, 101), true, filterWords({}), rows),
  ];
  for (const call of refused) t.is(code(call), 'CTFLOW_USAGE');
  t.is(
    code(() => decode(bytes.subarray(0, 100), true, filterWords({}), rows)),
    undefined,
    'side by side is fine',
  );
});

native('a path that is no network namespace is a typed error', async t => {
  const { openKernel } = await load();
  for (const netns of ['', '..', 'no-such-namespace', '/no/such/namespace', '/etc/passwd']) {
    const error = t.throws(() => openKernel({ filter: {}, netns }), { instanceOf: CtflowError });
    t.is(error.code, 'CTFLOW_NAMESPACE', netns);
    t.regex(error.hint, /ip netns/);
  }
});
