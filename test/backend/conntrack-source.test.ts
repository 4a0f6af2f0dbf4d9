import test from 'ava';
import { ConntrackSource } from '../../src/backend/conntrack-source.js';
import { createFallbackBackend } from '../../src/backend/fallback.js';
import type { KernelOptions } from '../../src/sources/source.js';
import { tcp } from '../helpers/builders/connections.js';
import { FakeSource, type FakeDump } from '../helpers/fakes/fake-source.js';

const five = [1, 2, 3, 4, 5].map(port => tcp(port, 0, [port, 60, 0, 0]));

function opened(...script: FakeDump[]) {
  const asked: KernelOptions[] = [];
  const fake = new FakeSource(script, 'netlink', 2);
  const openKernel = (options: KernelOptions): FakeSource => {
    asked.push(options);
    return fake;
  };
  const backend = { ...createFallbackBackend(), openKernel };
  return { fake, asked, source: new ConntrackSource({ backend, netns: 'blue' }) };
}

async function portsOf(source: ConntrackSource, most = Infinity): Promise<number[]> {
  const ports: number[] = [];
  for await (const { original } of source.connections()) {
    ports.push(original.sourcePort!);
    if (ports.length === most) break;
  }
  return ports;
}

test('the backend opens the namespace and the filter that are asked for, and every connection by default', t => {
  const { asked, source, fake } = opened({ connections: [] });
  t.deepEqual(asked, [{ filter: {}, netns: 'blue' }]);
  t.is(source.kind, 'netlink');
  source.close();
  t.true(fake.closed);
});

test('connections come one by one, through all batches of a dump', async t => {
  const { source } = opened({ connections: five });
  t.deepEqual(await portsOf(source), [1, 2, 3, 4, 5]);
  t.deepEqual(await portsOf(source), [1, 2, 3, 4, 5]);
});

test('the dump waits for whoever takes its connections', async t => {
  const { source, fake } = opened({ connections: five });
  let batches = 0;
  fake.pause = () => Promise.resolve(batches++);
  const taking = source.connections();
  await taking.next();
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  t.is(batches, 1);
  await taking.return();
  t.is(batches, 3, 'who leaves early lets the dump run to its end');
});

test('who leaves early may begin anew', async t => {
  const { source } = opened({ connections: five });
  t.deepEqual(await portsOf(source, 1), [1]);
  t.deepEqual(await portsOf(source), [1, 2, 3, 4, 5]);
});

test('a dump that does not show the whole table fails behind its connections', async t => {
  const { source } = opened({ connections: five, complete: false });
  const ports: number[] = [];
  const taking = async (): Promise<void> => {
    for await (const { original } of source.connections()) ports.push(original.sourcePort!);
  };
  await t.throwsAsync(taking(), { code: 'CTFLOW_NETLINK', message: /incomplete/ });
  t.deepEqual(ports, [1, 2, 3, 4, 5]);
});

test('a dump that cannot be had fails', async t => {
  const { source } = opened({ fails: new Error('not permitted') });
  await t.throwsAsync(portsOf(source), { message: 'not permitted' });
});

test('routes are there where the backend has them', t => {
  t.is(opened({ connections: [] }).source.routes, undefined);
});
