/** On the real kernel: what a poll costs, and how far apart polls begin. */
import test from 'ava';
import { BACKENDS, startExporter } from '../helpers/kernel/command.js';
import { eventually } from '../helpers/eventually.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';

const FLOWS = { native: 60_000, fallback: 20_000 };
/** A dump of so many takes at least so many milliseconds of CPU on any machine, and at 1 % more than five seconds. */
const INTERVAL = 5_000;

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', ...wanted])(
    `${backend}: polls of a large table begin as far apart as one percent of a core allows; those of a small one do not`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      const traffic = new Traffic(namespace);
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1', port: 1000 });
      const auto = '--flow-poll-interval auto';
      // ten percent: what compiles in the first poll of a busy machine is no dump's cost, and may be more than one
      const small = await startExporter(namespace, backend, ['udp://127.0.0.1:4739'], auto);
      t.false(small.messages().includes('a poll every'));
      await small.stop();
      const { interval, share } = (small.log().at(-1) as { poll: { interval: number; share: number } }).poll;
      t.is(interval, INTERVAL);
      t.true(share < 10, `${share} %`);

      await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 1024, flows: FLOWS[backend], size: 10 });
      const large = await startExporter(namespace, backend, ['udp://127.0.0.1:4739'], `${auto} --poll-budget 1`);
      await eventually('the interval in the log', () => large.messages().includes('a poll every'));
      const line = large.log().find(({ msg }) => String(msg).startsWith('a poll every'))!;
      t.true((line['pollInterval'] as number) > INTERVAL);
      // without events ten seconds are the limit
      if (backend === 'native') t.regex(String(line['msg']), /so that polls take no more than 1 % of a core/);
      await large.stop();
      const { poll } = large.log().at(-1) as { poll: { interval: number; share: number } };
      t.true(poll.interval > INTERVAL && poll.share > 0);
    },
  );
}
