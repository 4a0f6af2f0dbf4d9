import test from 'ava';
import { createSocket } from 'node:dgram';
import { buildCompanion } from '../../../bench/host/companion.js';
import { CountingSink } from '../../../bench/host/counting-sink.js';
import { eventually } from '../../helpers/eventually.js';
import { needs } from '../../helpers/kernel/require.js';
import { shortRun } from '../run.js';

const MINUTES = 60_000;

needs(test, ['linux', 'cargo'])('the sink counts messages, and those that it could not read', async t => {
  t.timeout(20 * MINUTES);
  t.is(buildCompanion(), undefined);
  const sink = await CountingSink.open('ipv4');
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.send('no IPFIX', sink.port, sink.host);
  const { messages, octets, records, malformed, dropped } = await eventually('a message', async () => {
    const counts = await sink.counts();
    return counts.messages > 0 && counts;
  });
  t.deepEqual(
    { messages, octets, records, malformed, dropped },
    { messages: 1, octets: 8, records: 0, malformed: 1, dropped: 0 },
  );
  await sink.close();
});

needs(test, ['linux', 'cargo'])('export: every operation exports every record, and all arrive', async t => {
  t.timeout(20 * MINUTES);
  const sizes = ['--connections', '600', '--mtu', '1400,512', '--family', 'ipv4'];
  const run = await shortRun(t, '--only', 'export-conntrack', ...sizes);
  t.deepEqual(
    [...new Set(run.results.map(({ family, parameters: { mtu } }) => `${family} ${String(mtu)}`))],
    ['ipv4 1400', 'ipv4 512'],
  );
  const hasNative = run.results.some(({ backend }) => backend === 'native');
  const floors = run.results.filter(({ backend }) => backend === 'kernel').map(({ case: name }) => name);
  t.deepEqual([...new Set(floors)], hasNative ? ['send', 'send, --udp-segmentation'] : []);
  t.is(floors.length, hasNative ? 4 : 0);
  for (const { items, samples, extra, parameters } of run.results) {
    t.is(items, 600);
    t.is(parameters['gone'], 60);
    t.true(samples.length >= 2);
    t.is(extra['received'], extra['sent']);
    t.false('void' in extra);
    t.true((extra['sent'] as number) >= 600 * samples.length);
  }
});

needs(test, ['linux', 'cargo'])('denied flows: every operation exports every one, the idle ones too', async t => {
  t.timeout(20 * MINUTES);
  const { results } = await shortRun(t, '--only', 'export-deny', '--connections', '400', '--mtu', '1400');
  t.true(results.length > 0);
  for (const { items, samples, extra, parameters } of results) {
    t.is(items, 400);
    t.is(parameters['idle'], 40);
    t.true(samples.length >= 2);
    t.is(extra['received'], extra['sent']);
  }
});

needs(test, ['linux', 'cargo'])('memory: what a connection needs, from several sizes', async t => {
  t.timeout(20 * MINUTES);
  const { results } = await shortRun(t, '--only', 'memory', '--family', 'ipv4', '--sweep', '20000,80000');
  for (const { extra, parameters, items } of results) {
    t.is(items, parameters['connections'] as number);
    t.is(extra['received'], extra['sent']);
    t.true((extra['rss'] as number) > 20e6);
  }
  const [smaller, larger] = results.map(({ extra }) => extra['rss'] as number);
  // rows and what was reported of them are there; far more of them than what Node takes now and then
  t.true(larger - smaller > 60_000 * 192, `${larger - smaller} bytes`);
});
