import type { ExecutionContext } from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import {
  EVENT,
  FIELDS_SIZE,
  HELPER,
  LABELS,
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
  PROTOCOL,
  ROW_SIZE,
  SOURCE_POD_NAME,
  STATE,
  TCP_STATE_HISTORY,
} from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import { dataRecord, EncoderRig } from '../helpers/rigs/encoder-rig.js';

/** A plan of one byte a record: its protocol. */
const ONE = Uint32Array.of(OP_U8, PROTOCOL, 1, 0);

function isRefused(t: ExecutionContext, call: () => unknown, what: string): void {
  const error = t.throws(call, { instanceOf: CtflowError }, what);
  t.is(error?.code, 'CTFLOW_USAGE', what);
}

perBackend('an invalid plan is refused', (t, backend) => {
  for (const plan of [
    [],
    [OP_U8, 0, 1],
    [11, 0, 1, 0],
    [OP_U8, 0, 3, 0],
    [OP_U8, FIELDS_SIZE, 1, 0],
    [OP_U16, 0, 1, 0],
    [OP_U16, FIELDS_SIZE - 1, 2, 0],
    [OP_U32, 0, 2, 0],
    [OP_U32, LABELS - 2, 4, 0],
    [OP_U32, LABELS, 4, 0],
    [OP_U64, 0, 4, 0],
    [OP_U64, FIELDS_SIZE - 7, 8, 0],
    [OP_BYTES, 0, 0, 0],
    [OP_BYTES, 0, LABELS + 1, 0],
    [OP_BYTES, HELPER, 16, 0],
    [OP_BYTES, EVENT, 9, 0],
    [OP_BYTES, 0xffffffff, 4, 0],
    [OP_CONSTANT, 0, 0, 0],
    [OP_CONSTANT, 0, 17, 0],
    [OP_TEXT, 0, 4, 0],
    [OP_TEXT, HELPER, 0, 0],
    [OP_TEXT, HELPER, 17, 0],
    [OP_TEXT, HELPER + 1, 16, 0],
    [OP_TCP_STATE, STATE, 1, 0],
    [OP_TCP_STATE, LABELS, 0, 0],
    [OP_TCP_STATE, ROW_SIZE, 0, 0],
    [OP_SECONDS, 0, 8, 0],
    [OP_NTP, 0, 4, 0],
    [OP_NTP, FIELDS_SIZE - 7, 8, 0],
    [OP_NAME, 0, 0, 0],
    [OP_NAME, SOURCE_POD_NAME, 4, 0],
    [OP_NAME, FIELDS_SIZE - 3, 0, 0],
    [OP_TCP_HISTORY, TCP_STATE_HISTORY, 1, 0],
    [OP_TCP_HISTORY, FIELDS_SIZE - 3, 0, 0],
  ]) {
    isRefused(t, () => dataRecord(backend, {}, plan), plan.join());
  }
  // the second instruction is named
  const error = t.throws(() => dataRecord(backend, {}, [OP_U8, 0, 1, 0, OP_U64, 0, 4, 0]));
  t.regex(error.message, /instruction 1\b/);
});

perBackend('an inconsistent request is refused', (t, backend) => {
  const rig = new EncoderRig(backend, flowTable({}, {}), { plan: ONE });
  rig.encode([0]);
  isRefused(t, () => rig.encode([2]), 'more slots than there are');
  isRefused(t, () => rig.encode([0], [2], 65_536), 'limit');
  isRefused(t, () => rig.encoder.define(0, [{ id: 256, plan: ONE, reserve: 0 }]), 'a second definition');
  isRefused(t, () => rig.encoder.define(1, []), 'no template');
  isRefused(t, () => rig.encoder.define(1, [{ id: 255, plan: ONE, reserve: 0 }]), 'reserved set id');
  isRefused(t, () => rig.encoder.define(1, [{ id: 65_536, plan: ONE, reserve: 0 }]), 'template id of 17 bits');
});
