import test, { type ExecutionContext } from 'ava';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import { parseQuery, type TopQuery } from '../../../src/daemon/top/query.js';
import { Top } from '../../../src/daemon/top/top.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../../src/exporter.js';
import type { TopPage } from '../../../src/daemon/top/page.js';
import { tcp, udp } from '../../helpers/builders/connections.js';
import { eventually } from '../../helpers/eventually.js';
import { FakeSource } from '../../helpers/fakes/fake-source.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';

const EARLIER = Date.now() - 3_600_000;
const SETTINGS: Readonly<Record<string, string>> = {
  nf_conntrack_count: '2\n',
  nf_conntrack_max: '65536\n',
  nf_conntrack_acct: '0\n',
};

class KernelSource extends FakeSource {
  override sysctl(name: string): string | undefined {
    return SETTINGS[name];
  }
}

async function rig(
  t: ExecutionContext,
  source: FakeSource,
): Promise<{ exporter: Exporter; top: Top; page: (query?: Partial<TopQuery>) => Promise<TopPage> }> {
  const { log } = listeningLogger();
  const top = new Top();
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 20,
    maxConnections: 1_000,
    backend: createFallbackBackend(),
    source,
    destinations: [],
    pollHooks: [top.pollHook],
    log,
  });
  top.watch(exporter, source);
  await exporter.open();
  t.teardown(() => exporter.close());
  return { exporter, top, page: query => top.page(parseQuery(query)) };
}

test('a page has the connections of an exporter, with rates after two polls', async t => {
  const source = new FakeSource([{ connections: [tcp(1, EARLIER, [1, 100, 0, 0]), udp(2, EARLIER, [1, 50, 0, 0])] }]);
  const { page } = await rig(t, source);
  const first = await page({ rows: 1, deniedRows: 3 });
  t.deepEqual([first.connections, first.matching, first.lines!.length], [2, 2, 1]);
  t.deepEqual([first.rateSpan, first.lines![0].rate], [undefined, undefined]);
  t.deepEqual([first.table, first.accounting, first.denied], [undefined, undefined, undefined]);
  const { lines } = await eventually('rates', async () => {
    const later = await page({ sort: 'rate' });
    return later.rateSpan === undefined ? undefined : later;
  });
  t.deepEqual(
    lines!.map(({ rate }) => rate),
    [0, 0],
  );
});

test('pages that are asked for at once come one after another, each for its question', async t => {
  const source = new KernelSource([{ connections: [tcp(1, EARLIER, [1, 100, 0, 0]), udp(2, EARLIER, [9, 50, 0, 0])] }]);
  const { page } = await rig(t, source);
  const pages = await Promise.all([
    page({ sort: 'bytes' }),
    page({ sort: 'packets' }),
    page({ group: 'service' }),
    page({ filter: 'protocol == udp' }),
  ]);
  t.deepEqual(
    pages.map(({ lines, groups }) => lines?.map(({ protocol }) => protocol) ?? groups!.lines.map(({ name }) => name)),
    [['tcp', 'udp'], ['udp', 'tcp'], ['tcp/443', 'udp/53'], ['udp']],
  );
  t.deepEqual(pages[0].table, { entries: 2, limit: 65_536 });
  t.is(pages[0].accounting, false);
});

test('who fills the table is counted, with how it fills, in turn with pages', async t => {
  const source = new KernelSource([{ connections: [tcp(1, EARLIER, [1, 100, 0, 0]), udp(2, EARLIER, [9, 50, 0, 0])] }]);
  const { page, top } = await rig(t, source);
  const [pressure, { matching }] = await Promise.all([top.pressure({ rows: 1 }), page()]);
  t.deepEqual([pressure.counted, pressure.complete, matching], [2, true, 2]);
  t.deepEqual(pressure.table, { entries: 2, limit: 65_536 });
  const { count, entries, lines } = pressure.groups.state;
  t.deepEqual([count, entries, lines.length], [2, 2, 1]);
  const later = await eventually('a second poll', async () => {
    const { forecast, polledAt } = await top.pressure({ rows: 1 });
    return forecast && { forecast, polledAt };
  });
  t.is(later.forecast.rate, 0);
  t.is(later.forecast.fullIn, undefined);
  t.true(later.polledAt > pressure.polledAt);
  t.is((await page()).forecast?.rate, 0);
});

test('a poll that has not seen the whole table is said', async t => {
  const source = new FakeSource([{ connections: [tcp(1, EARLIER, [1, 1, 0, 0])] }]);
  const { top } = await rig(t, source);
  source.next({ connections: [tcp(1, EARLIER, [1, 1, 0, 0])], complete: false });
  await eventually('another poll', async () => !(await top.pressure({ rows: 1 })).complete);
  t.is((await top.pressure({ rows: 1 })).counted, 1);
});
