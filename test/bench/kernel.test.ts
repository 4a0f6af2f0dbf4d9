import test from 'ava';
import { backends, withoutNative } from '../helpers/backends.js';
import { needs } from '../helpers/kernel/require.js';
import { shortRun } from './run.js';

const MINUTES = 60_000;
const KERNEL = ['namespace', 'cargo'];
const names = backends().map(({ name }) => name);

needs(test.serial, KERNEL)('dump: the floor, and every backend as rows and as a poll', async t => {
  t.timeout(20 * MINUTES);
  const { results } = await shortRun(t, '--only', 'dump', '--connections', '700');
  const cases = ['kernel raw dump', ...names.map(name => `${name} dump`), ...names.map(name => `${name} poll`)];
  t.deepEqual(
    results.map(({ family, backend, case: what }) => `${family} ${backend} ${what}`),
    ['ipv4', 'ipv6'].flatMap(family => cases.map(one => `${family} ${one}`)),
  );
  for (const { items, samples, cpu } of results) {
    t.is(items, 700);
    t.is(cpu?.length, samples.length);
  }
});

needs(test.serial, KERNEL)('end to end: what the kernel has is what arrives', async t => {
  t.timeout(20 * MINUTES);
  const { results } = await shortRun(t, '--only', 'end-to-end', '--connections', '500', '--mtu', '1400');
  t.is(results.length, names.length * 2);
  for (const { items, extra } of results) {
    t.is(items, 550);
    t.is(extra['received'], extra['sent']);
  }
});

needs(test.serial, KERNEL)('start-up: each backend beside the raw dump', async t => {
  t.timeout(20 * MINUTES);
  const { results } = await shortRun(t, '--only', 'start-up', '--family', 'ipv4', '--connections', '500');
  t.deepEqual(
    results.map(({ backend, case: what }) => [what, backend]),
    [...names.map(name => ['first record', name]), ['raw dump', 'kernel']],
  );
  for (const { samples } of results) t.true(samples.length >= 2 && samples.every(sample => sample > 0));
});

const events = needs(test.serial, [...KERNEL, 'native']);
if (withoutNative === undefined) {
  events('nat: the floor, and each connection has its create, delete and end', async t => {
    t.timeout(20 * MINUTES);
    const { results } = await shortRun(t, '--only', 'nat', '--connections', '300', '--mtu', '512', '--family', 'ipv4');
    t.deepEqual(
      results.map(({ backend, case: what, items }) => [backend, what, items]),
      [
        ['kernel', 'read the datagrams', 300],
        ['native', 'events to records', 300],
      ],
    );
    for (const { extra, samples } of results) {
      t.is(extra['received'], extra['sent']);
      t.true(samples.length >= 2);
      t.false('void' in extra);
    }
  });

  events('events: the floor, and each end is a record', async t => {
    t.timeout(20 * MINUTES);
    const { results } = await shortRun(t, '--only', 'events', '--connections', '400', '--mtu', '512');
    t.deepEqual(
      results.map(({ family, backend, case: what, items }) => [family, backend, what, items]),
      ['ipv4', 'ipv6'].flatMap(family => [
        [family, 'kernel', 'read the datagrams', 400],
        [family, 'native', 'event to record', 400],
      ]),
    );
    for (const { extra, samples } of results) {
      t.is(extra['received'], extra['sent']);
      t.true(samples.length >= 2);
      t.false('void' in extra);
    }
  });
}
