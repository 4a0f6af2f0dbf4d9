import test from 'ava';
import { constants } from 'node:os';
import type { Backend } from '../../src/backend/backend.js';
import { MessageBatch } from '../../src/destination/message-batch.js';
import { type Binding, createNativeBackend } from '../../src/backend/native.js';
import { CtflowError, type ErrorCode } from '../../src/common/errors.js';
import { filterWords } from '../../src/row/filter.js';
import { LAYOUT_VERSION, OP_BYTES, ORIG_SRC, ROW_SIZE } from '../../src/row/layout.generated.js';
import { loadBackend } from '../../src/backend/load.js';
import { ExportSlots } from '../../src/schedule/export-state.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import { EncoderRig } from '../helpers/rigs/encoder-rig.js';
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

/** An encoder of one table, and its output. */
async function encoding(plan: Uint32Array, slots = [1, 2]) {
  const rig = new EncoderRig(await load(), flowTable(...['1', '2', '3'].map(i => ({ source: `10.0.0.${i}` }))), {
    plan,
  });
  return { rig, encode: () => rig.encode(slots) };
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
      UdpSender: function (_address: string, _port: number, _from: string, _fromPort: number, segment: boolean) {
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

native('connections are encoded from the memory of the store', async t => {
  const { rig, encode } = await encoding(Uint32Array.of(OP_BYTES, ORIG_SRC, 4, 0));
  t.is(encode(), 2);
  const [{ data, records }] = rig.all([]).messages;
  t.is(records, 2);
  t.is(data.toString('hex'), '0100000c' + '0a000002' + '0a000003');
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

native('an invalid request is a typed error', async t => {
  const { decode } = await load();
  const { encode } = await encoding(Uint32Array.of(99, 0, 0, 0));
  const error = t.throws(encode, { instanceOf: CtflowError });
  t.is(error.code, 'CTFLOW_USAGE');
  t.is(error.message, 'plan instruction 0 is [99, 0, 0, 0]');
  const { encode: beyond } = await encoding(Uint32Array.of(OP_BYTES, 0, 4, 0), [3]);
  t.is(code(beyond), 'CTFLOW_USAGE');
  t.is(
    code(() => decode(new Uint8Array(20), true, new Uint32Array(15), new Uint8Array(ROW_SIZE))),
    'CTFLOW_USAGE',
  );
});

native('one buffer for both input and output is refused', async t => {
  const { createEncoder, decode } = await load();
  const bytes = new Uint8Array(3 * ROW_SIZE);
  const rows = bytes.subarray(100);
  t.is(
    code(() => decode(bytes.subarray(0, 101), true, filterWords({}), rows)),
    'CTFLOW_USAGE',
  );
  t.is(
    code(() => decode(bytes.subarray(0, 100), true, filterWords({}), rows)),
    undefined,
    'side by side is fine',
  );
  const columns = flowTable({}).columns({});
  const options = { columns, shapes: 0, uniflows: false, zeroDeltas: false, journal: -1 };
  const { bytes: exported } = new ExportSlots(1);
  const output = new MessageBatch(1_400);
  const open = (exported: Uint8Array, bytes: Uint8Array) => () =>
    createEncoder({ ...options, exported, output: { ...output, bytes } });
  t.is(code(open(exported, output.bytes)), undefined);
  t.is(code(open(columns.rows, output.bytes)), 'CTFLOW_USAGE');
  t.is(code(open(exported, columns.rows)), 'CTFLOW_USAGE');
  t.is(code(open(exported, exported)), 'CTFLOW_USAGE');
});

native('a path that is no network namespace is a typed error', async t => {
  const { openKernel } = await load();
  for (const netns of ['', '..', 'no-such-namespace', '/no/such/namespace', '/etc/passwd']) {
    const error = t.throws(() => openKernel({ filter: {}, netns }), { instanceOf: CtflowError });
    t.is(error.code, 'CTFLOW_NAMESPACE', netns);
    t.regex(error.hint, /ip netns/);
  }
});
