import test from 'ava';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MEMORY_FLAGS } from '../../../bench/memory/measure-memory.js';
import type { Memory } from '../../../bench/results/results.js';
import { withoutNative } from '../../helpers/backends.js';
import { collect } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { shortRun } from '../run.js';

const MINUTES = 60_000;

test('bytes and allocations of an operation that is known', async t => {
  const probe = fileURLToPath(new URL('./probe.js', import.meta.url));
  const { code, stdout, stderr } = await collect(spawn(process.execPath, [...MEMORY_FLAGS, probe]));
  t.is(code, 0, stderr);
  const { bytes, allocations, estimated, rust } = JSON.parse(stdout) as Memory;
  t.true(bytes >= 8_000_000 && bytes < 8_800_000, `${bytes} bytes`);
  t.true(allocations >= 1_000 && allocations < 10_000, `${allocations} allocations`);
  t.true(estimated);
  t.is(rust, undefined);
});

if (withoutNative === undefined) {
  needs(test, ['native', 'cargo'])(
    'what Rust allocates is counted exactly: decoding costs the same each time',
    async t => {
      t.timeout(20 * MINUTES);
      const decode = ['--only', 'decode', '--family', 'ipv4', '--connections', '1000', '--memory'];
      const run = async (): Promise<Memory | undefined> => {
        const { results } = await shortRun(t, ...decode);
        return results.find(({ backend }) => backend === 'native')!.memory;
      };
      const [first, second] = [await run(), await run()];
      t.true(first!.rust!.allocations > 0);
      t.true(first!.bytes >= first!.rust!.bytes);
      t.deepEqual(second!.rust, first!.rust);
    },
  );
}
