import test from 'ava';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import { CtflowError } from '../../src/common/errors.js';
import { ProcfsSource } from '../../src/sources/procfs.js';

const backend = createFallbackBackend();

test('the kernel is read through procfs', t => {
  const source = backend.openKernel({ filter: {} });
  t.true(source instanceof ProcfsSource);
  t.is(source.kind, 'procfs');
  t.is(backend.name, 'fallback');
});

test('another network namespace is for native only', t => {
  const error = t.throws(() => backend.openKernel({ filter: {}, netns: 'blue' }), { instanceOf: CtflowError });
  t.is(error?.code, 'CTFLOW_BACKEND_LACKS');
  t.regex(error?.message ?? '', /'blue'/);
});

test('status bits that procfs does not show are for native only', t => {
  for (const bit of [1 << 0, 1 << 4, 1 << 5, 1 << 15, 0x80000000]) {
    const error = t.throws(() => backend.openKernel({ filter: { status: { value: 0, mask: bit | 4 } } }), {
      instanceOf: CtflowError,
    });
    t.is(error?.code, 'CTFLOW_BACKEND_LACKS', String(bit));
  }
  const shown = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 14);
  t.notThrows(() => backend.openKernel({ filter: { status: { value: 4, mask: shown } } }));
});
