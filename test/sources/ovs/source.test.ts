import test from 'ava';
import type { CtflowError } from '../../../src/common/errors.js';
import type { ConnectionFilter } from '../../../src/row/filter.js';
import { viewRow } from '../../../src/row/row-view.js';
import { OvsSource } from '../../../src/sources/ovs/source.js';
import type { Scope } from '../../helpers/kernel/scope.js';
import { result, standInVswitchd, type Request } from './vswitchd-rig.js';

const line = (port: number, protocol = 'tcp'): string =>
  `${protocol},orig=(src=192.0.2.1,dst=192.0.2.2,sport=${port},dport=80),reply=(src=192.0.2.2,dst=192.0.2.1,sport=80,dport=${port}),` +
  'id=0,status=0,timeout=9\n';

function standIn(scope: Scope, datapaths: readonly string[], entries: string): Promise<{ requests: Request[] }> {
  return standInVswitchd(scope, ({ method }, socket) =>
    socket.write(result(method === 'dpctl/dump-dps' ? datapaths.map(name => `${name}\n`).join('') : entries)),
  );
}

async function dump(filter: ConnectionFilter = {}, datapath?: string) {
  const source = new OvsSource(filter, datapath);
  const ports: (number | undefined)[] = [];
  const sizes: number[] = [];
  const summary = await source.dump(batch => {
    sizes.push(batch.count);
    for (let i = 0; i < batch.count; i++) ports.push(viewRow(batch, i).original.sourcePort);
  });
  return { summary, ports, sizes };
}

test.serial('all connections of the only datapath are rows, in batches', async t => {
  const wanted = Array.from({ length: 2500 }, (_, i) => i + 1);
  const { requests } = await standIn(t, ['netdev@ovs-netdev'], wanted.map(port => line(port)).join(''));
  const { summary, ports, sizes } = await dump();
  t.deepEqual(ports, wanted);
  t.deepEqual(sizes, [1024, 1024, 452]);
  t.true(summary.complete);
  t.is(summary.rows, 2500);
  t.deepEqual(requests[1].params, ['-m', '-s', 'netdev@ovs-netdev']);
});

test.serial('what does not match and what is malformed is counted', async t => {
  await standIn(t, ['netdev@ovs-netdev'], line(1) + line(2, 'udp') + 'nonsense\n' + line(3));
  const { summary, ports } = await dump({ protocols: [6] });
  t.deepEqual(ports, [1, 3]);
  t.deepEqual(summary.skipped, { filtered: 1, malformed: 1, truncated: 0 });
  t.true(summary.complete);
});

test.serial('no connections are a complete dump', async t => {
  await standIn(t, ['netdev@ovs-netdev'], '');
  const { summary } = await dump();
  t.deepEqual([summary.rows, summary.complete], [0, true]);
});

test.serial('of several datapaths one has to be named', async t => {
  const { requests } = await standIn(t, ['netdev@ovs-netdev', 'system@ovs-system'], line(1));
  const error: CtflowError = (await t.throwsAsync(dump()))!;
  t.is(error.code, 'CTFLOW_USAGE');
  t.is(error.message, 'ovs-vswitchd has several datapaths: netdev@ovs-netdev, system@ovs-system');
  t.is(error.hint, 'Name one: --source ovs:netdev@ovs-netdev');
  requests.length = 0;
  t.deepEqual((await dump({}, 'system@ovs-system')).ports, [1]);
  t.deepEqual(
    requests.map(({ params }) => params.at(-1)),
    ['system@ovs-system'],
  );
});

test.serial('without a datapath it says how one is made', async t => {
  await standIn(t, [], '');
  const error: CtflowError = (await t.throwsAsync(dump()))!;
  t.deepEqual([error.code, error.hint], ['CTFLOW_OVS', 'Make a bridge: ovs-vsctl add-br br0']);
});

test.serial('what the userspace datapath lacks is said, and of the kernel datapath nothing', async t => {
  await standIn(t, ['netdev@ovs-netdev'], '');
  t.regex((await new OvsSource({}).lacks()) ?? '', /no packet and octet counters, and no start/);
  t.is(await new OvsSource({}, 'system@ovs-system').lacks(), undefined);
});

test.serial('a closed source reads no more', async t => {
  await standIn(t, ['netdev@ovs-netdev'], line(1));
  const source = new OvsSource({});
  source.close();
  const error: CtflowError = (await t.throwsAsync(source.dump(() => {})))!;
  t.is(error.code, 'CTFLOW_OVS');
});
