import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { explained, meaningOf } from '../../src/destination/failure-meaning.js';
import { Outage } from '../../src/destination/outage.js';
import { newCounts } from '../../src/transport/transport.js';
import { perBackend } from '../helpers/backends.js';
import { eventually } from '../helpers/eventually.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { Rig } from '../helpers/rigs/destination-rig.js';

test('every code by which docs/troubleshooting.md knows a collector that is not reached has a meaning', t => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/troubleshooting.md', import.meta.url)), 'utf8');
  const part = /^## The collector is not reached$(.*?)^## /ms.exec(page)![1];
  const codes = [...part.matchAll(/`(E[A-Z]+)`/g)].map(([, code]) => code);
  t.true(codes.length >= 10, codes.join());
  t.deepEqual(
    codes.filter(code => meaningOf(code) === undefined),
    [],
  );
});

test('what is explained has its code, and what is in words already is as it is', t => {
  t.is(explained('ECONNREFUSED'), 'nobody listens there (ECONNREFUSED)');
  t.is(explained('closed by the collector'), 'closed by the collector');
});

test('of a file no meaning is that of a socket', t => {
  const { log, lines } = listeningLogger();
  new Outage(log, newCounts(), () => 0, true).failed(false, 'EINVAL', 0);
  t.like(lines[0], { why: 'EINVAL', meaning: undefined });
});

for (const protocol of ['udp', 'tcp'] as const) {
  perBackend(`over ${protocol} it is said that the interface of an address does not exist`, async (t, backend) => {
    const rig = new Rig(backend, { protocol, host: 'fe80::1%no-such-if', port: 4739 });
    t.teardown(() => rig.destination.close());
    await rig.destination.open();
    const line = await eventually('the reason', () => rig.lines.find(({ why }) => why !== undefined));
    t.regex(String(line['meaning']), /interface .* does not exist/);
  });
}
