import test from 'ava';
import type { TopPage } from '../../../src/daemon/top/page.js';
import { parseQuery } from '../../../src/daemon/top/query.js';
import { pageWithPorts, portsLeft, usablePorts } from '../../../src/daemon/top/snat-ports.js';

test('the kernel gives up before the last port of a large range', t => {
  t.is(usablePorts(1), 1);
  t.is(usablePorts(128), 128);
  t.is(usablePorts(1_000), 940);
  t.is(usablePorts(64_512), 39_997);
  t.is(usablePorts(65_535), 40_632);
  const shares = [200, 400, 999, 2_000, 20_000, 64_000].map(size => usablePorts(size) / size);
  t.true(
    shares.every((share, i) => share > 0.6 && share < (shares[i - 1] ?? 1)),
    shares.join(' '),
  );
});

test('what is left of a range, and until when', t => {
  const range = { from: 2_000, to: 2_099 };
  t.deepEqual(portsLeft(40, 3, range), { range, free: 60, exhaustedIn: 20_000 });
  t.deepEqual(portsLeft(40, -3, range), { range, free: 60 });
  t.deepEqual(portsLeft(40, undefined, range), { range, free: 60 });
  t.deepEqual(portsLeft(130, 0, range), { range, free: 0, exhaustedIn: 0 });
  t.deepEqual(portsLeft(40, 3, undefined), {});
});

test('groups of translated sources have their ports, unless a filter leaves some out', t => {
  const snat = { protocol: 'udp', external: '203.0.113.1', remote: '198.51.100.1', remotePort: 53 };
  const lines = [
    { name: 'one', connections: 1, age: 0, snat },
    { name: 'other', connections: 1, age: 0, snat: { ...snat, external: '203.0.113.2' } },
  ];
  const page: TopPage = { connections: 2, matching: 2, counted: 2, polls: 1, groups: { count: 2, leftOut: 0, lines } };
  const settings = [{ external: '203.0.113.1', ports: { from: 1, to: 9 } }];
  const ranges = (filter: string): unknown =>
    pageWithPorts(page, parseQuery({ group: 'snat', filter }), settings).groups!.lines.map(({ range }) => range);
  t.deepEqual(ranges(''), [{ from: 1, to: 9 }, undefined]);
  t.deepEqual(ranges('protocol == udp'), [undefined, undefined]);
});
