import { fileURLToPath } from 'node:url';
import test from 'ava';
import { namespaceCommand } from '../../../../src/cli/demo/namespace.js';
import { runTool } from '../../../../src/cli/demo/tool.js';
import type { Count } from '../../../../src/cli/demo/traffic/loopback-count.js';
import { needs } from '../../../helpers/kernel/require.js';
import { KINDS } from './kinds.js';

interface Counted {
  truth: Count;
  conntrack: Count;
  table: string;
  said: string[];
  retransmissions: number;
}

needs(test, ['demo', 'conntrack'])('the loopback device and conntrack count the same traffic', async t => {
  const program = fileURLToPath(new URL('./count-traffic.js', import.meta.url));
  const run = async (): Promise<Counted> =>
    JSON.parse(await runTool([...(await namespaceCommand()), process.execPath, program])) as Counted;
  let counted = await run();
  // as the demonstration does: conntrack does not count each segment that is sent again
  if (counted.retransmissions > 0) counted = await run();
  const { truth, conntrack, table, said, retransmissions } = counted;
  t.deepEqual(said, []);
  t.is(retransmissions, 0);
  t.deepEqual(conntrack, truth);
  t.true(truth.packets > 300, `${truth.packets} packets`);
  for (const [kind, line] of Object.entries(KINDS)) t.regex(table, line, kind);
});
